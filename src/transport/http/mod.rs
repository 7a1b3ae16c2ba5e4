//! The front desk: logouts that happen outside of the frontends, as those who know of them send them, and questions about
//! tokens from those who do not speak gRPC, over HTTP.
//!
//! One file for each specification; what they share is how a body is read (`body`) and how errors are said
//! (`problem`).

mod authorization;
mod backchannel_logout;
mod body;
mod clients;
mod forward_auth;
mod identity;
mod introspect;
mod ops;
mod problem;
mod revoke;
mod serve;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    response::Response,
    routing::{any, get, post},
};

pub use clients::{HttpClient, HttpClients};
pub use ops::{Probes, Vitals};
use problem::Problem;
pub use serve::{HttpSettings, serve};

use crate::service::Curfew;

/// What the endpoints share.
#[derive(Clone)]
struct Desk {
    curfew: Arc<Curfew>,
    probes: Probes,
    /// Who may ask about tokens.
    clients: Arc<HttpClients>,
    /// How long a body may take to arrive.
    body_timeout: Duration,
}

/// Everything on the port.
pub fn routes(curfew: Arc<Curfew>, probes: Probes, clients: HttpClients, body_timeout: Duration) -> Router {
    Router::new()
        .route("/backchannel-logout", post(backchannel_logout::receive))
        .route("/forward-auth", any(forward_auth::check))
        .route("/introspect", post(introspect::receive))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .route("/revoke", post(revoke::receive))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Desk { curfew, probes, clients: Arc::new(clients), body_timeout })
}

async fn not_found() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such endpoint; see the README's chapter on HTTP")
        .into()
}

async fn wrong_method() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this endpoint takes another method").into()
}
