//! Curfew.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod outbound;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod token;
pub mod transport;
