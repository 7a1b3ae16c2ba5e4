//! `GET /livez` and `GET /readyz`: what `grpc.health.v1` says, for whoever asks over HTTP.

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header::CACHE_CONTROL},
};
use tokio::sync::watch;

use super::Desk;

/// How the service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// Whether the process is of any use; if not, only a restart will help.
    pub alive: bool,
    /// Whether calls will be answered.
    pub ready: bool,
}

impl Vitals {
    /// How a service is that has just begun.
    pub const STARTING: Self = Self { alive: true, ready: false };
}

/// Where the endpoints learn it.
pub type Probes = watch::Receiver<Vitals>;

/// What a probe is answered.
type Answer = (StatusCode, [(HeaderName, HeaderValue); 1], &'static str);

/// Whether the process is of any use.
pub(super) async fn livez(State(desk): State<Desk>) -> Answer {
    let alive = desk.probes.borrow().alive;
    answer(alive, "the store cannot be trusted any more; only a restart will help\n")
}

/// Whether calls will be answered.
pub(super) async fn readyz(State(desk): State<Desk>) -> Answer {
    let Vitals { alive, ready } = *desk.probes.borrow();
    answer(alive && ready, "the store does not write, or there are no keys yet; the log says which\n")
}

fn answer(fine: bool, otherwise: &'static str) -> Answer {
    let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    if fine { (StatusCode::OK, no_store, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, no_store, otherwise) }
}
