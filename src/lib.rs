//! Curfew.

pub mod domain;
pub mod token;
