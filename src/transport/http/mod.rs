//! The front desk: logouts that happen outside of the frontends, as those who know of them send them, and questions about
//! tokens from those who do not speak gRPC, over HTTP.
//!
//! One file for each specification; what they share is how a body is read (`body`) and how errors are said
//! (`problem`).

mod answer;
mod auth0_logs;
mod authorization;
mod backchannel_logout;
mod body;
mod clients;
mod forward_auth;
mod global_token_revocation;
mod identity;
mod introspect;
mod metrics;
mod ops;
mod problem;
mod revoke;
mod rpc;
mod rpc_status;
mod security_events;
mod serve;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    response::Response,
    routing::{any, get, post},
};

use body::Bodies;
pub use clients::{HttpClient, HttpClients};
pub use ops::{Probes, Vitals};
use problem::Problem;
pub use serve::{HttpSettings, serve};

use super::{
    grpc::Calls,
    json::{MessageError, Messages},
};
use crate::{
    domain::{Clock, Timestamp},
    service::Curfew,
};

/// What the endpoints share.
#[derive(Clone)]
struct Desk {
    curfew: Arc<Curfew>,
    /// The same through the protocol's messages.
    calls: Arc<Calls>,
    /// The messages, as JSON.
    messages: Messages,
    clock: Arc<dyn Clock>,
    /// When the service began.
    started: Timestamp,
    probes: Probes,
    /// Who may ask about tokens.
    clients: Arc<HttpClients>,
    bodies: Bodies,
}

/// Everything on the port.
///
/// # Errors
/// When the compiled protocol is damaged.
pub fn routes(
    curfew: Arc<Curfew>,
    clock: Arc<dyn Clock>,
    probes: Probes,
    clients: HttpClients,
    body_timeout: Duration,
) -> Result<Router, MessageError> {
    let calls = Arc::new(Calls::new(Arc::clone(&curfew), Arc::clone(&clock)));
    let (messages, started) = (Messages::new()?, clock.now());
    Ok(Router::new()
        .route("/auth0/logs/{issuer}", post(auth0_logs::receive))
        .route("/backchannel-logout", post(backchannel_logout::receive))
        .route("/forward-auth", any(forward_auth::check))
        .route("/introspect", post(introspect::receive))
        .route("/revoke", post(revoke::receive))
        .route("/global-token-revocation", post(global_token_revocation::receive))
        .route("/ssf/events", post(security_events::receive))
        .route("/v1/logouts", post(rpc::record_logout))
        .route("/v1/last-logout", get(rpc::last_logout))
        .route("/v1/tokens:validate", post(rpc::validate_token))
        .route("/metrics", get(metrics::metrics))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Desk {
            curfew,
            calls,
            messages,
            clock,
            started,
            probes,
            clients: Arc::new(clients),
            bodies: Bodies::new(body_timeout),
        }))
}

async fn not_found() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such endpoint; see the README's chapter on HTTP")
        .into()
}

async fn wrong_method() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this endpoint takes another method").into()
}
