//! Curfew.

pub mod config;
pub mod domain;
pub mod outbound;
pub mod service;
pub mod store;
pub mod token;
pub mod transport;
