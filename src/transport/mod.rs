//! The doors: what the service says, on a wire.

pub mod grpc;
pub mod http;
pub mod json;
