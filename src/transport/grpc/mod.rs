//! The gRPC door: one short function per RPC, with decoding before and encoding after it.

mod admin;
mod admission;
mod answer;
mod arrivals;
mod arriving;
mod calls;
mod codec;
mod connection;
mod convert;
mod fields;
mod known;
mod laps;
mod lean;
mod serve;
mod server;
mod status;
mod stream;

pub use admission::{Admission, AdmissionSettings};
pub use calls::Calls;
pub use codec::{StrictCodec, StrictDecoder};
pub use connection::{Connection, Open};
pub use serve::{ConnectionSettings, serve};
pub use server::{Health, RevocationServer};
pub use status::to_status;
pub(super) use status::{DOMAIN, failed};

/// The messages, the client and the server of the protocol, generated from `proto/curfew/v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "generated; documented in the proto"
)]
pub mod pb {
    tonic::include_proto!("curfew.v1");
}

/// The compiled protocol, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/curfew.v1.bin"));

/// The path of the call that is a stream.
const STREAM: &str = "/curfew.v1.RevocationService/ValidateTokens";

/// The service's name on the wire, and in health checks.
pub const SERVICE_NAME: &str = "curfew.v1.RevocationService";
