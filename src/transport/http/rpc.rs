//! The calls as JSON: `POST /v1/logouts`, `GET /v1/last-logout` and `POST /v1/tokens:validate`.
//!
//! The same requests, answers and errors as over gRPC, in the protocol's canonical JSON.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode, Uri},
};
use prost::Message;
use serde_json::{Map, Value};

use super::{
    Desk,
    answer::{self, JSON},
    body, rpc_status,
};
use crate::{
    domain::Source,
    service::ServiceError,
    token::parse_object,
    transport::grpc::{failed, pb},
};

/// The longest body: every field at its longest, and room for how JSON writes it.
const MOST_BYTES: usize = 128 * 1024;

/// `RecordLogout`.
pub(super) async fn record_logout(State(desk): State<Desk>, headers: HeaderMap, body: Body) -> Response<Body> {
    let request = match read(&desk, "RecordLogoutRequest", &headers, body).await {
        Ok(request) => request,
        Err(response) => return *response,
    };
    let answered = desk.calls.record_logout(request, Source::Json).await;
    respond(&desk, "RecordLogout", answered)
}

/// `GetLastLogout`: what a login action calls.
pub(super) async fn last_logout(State(desk): State<Desk>, uri: Uri) -> Response<Body> {
    let answered = match queried(uri.query().unwrap_or_default()) {
        Ok(request) => desk.calls.get_last_logout(request).await,
        Err(error) => Err(error),
    };
    respond(&desk, "GetLastLogout", answered)
}

/// `ValidateToken`.
pub(super) async fn validate_token(State(desk): State<Desk>, headers: HeaderMap, body: Body) -> Response<Body> {
    let request = match read(&desk, "ValidateTokenRequest", &headers, body).await {
        Ok(request) => request,
        Err(response) => return *response,
    };
    let answered = desk.calls.validate_token(request).await;
    respond(&desk, "ValidateToken", answered)
}

/// Reads the message of this name; otherwise what to answer.
async fn read<M: Message + Default>(
    desk: &Desk,
    name: &'static str,
    headers: &HeaderMap,
    body: Body,
) -> Result<M, Box<Response<Body>>> {
    let unfit = |fault: String| Box::new(rpc_status::of(&failed(name, &ServiceError::invalid("body", fault))));
    let bytes = desk
        .bodies
        .read(headers, body, MOST_BYTES)
        .await
        .map_err(|problem| Box::new(rpc_status::of(&problem.into())))?;
    if !body::is_of_type(headers, JSON) {
        return Err(unfit(format!("must be JSON, with the Content-Type {JSON}")));
    }
    let object = parse_object(&bytes).map_err(|error| unfit(format!("is no JSON object that can be read: {error}")))?;
    desk.messages.read(name, object).map_err(|error| unfit(format!("is no {name}: {error}")))
}

/// The request that a query stands for; its parameters are named as the message's fields, either way.
fn queried(query: &str) -> Result<pb::GetLastLogoutRequest, ServiceError> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = match &*name {
            "issuer" | "subject" => name.into_owned(),
            "client_id" | "clientId" => "client_id".to_owned(),
            "min_revision" | "minRevision" => "min_revision".to_owned(),
            other => {
                let fault = "is not a parameter; there are issuer, subject, clientId and minRevision";
                return Err(ServiceError::invalid(crate::token::shown(other), fault));
            }
        };
        if fields.insert(name.clone(), Value::String(value.into_owned())).is_some() {
            return Err(ServiceError::invalid(name, "is there more than once"));
        }
    }
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let min_revision = match text("min_revision").as_str() {
        "" => 0,
        number => number.parse().map_err(|_| ServiceError::invalid("min_revision", "must be a whole number"))?,
    };
    Ok(pb::GetLastLogoutRequest {
        issuer: text("issuer"),
        subject: text("subject"),
        client_id: text("client_id"),
        min_revision,
    })
}

/// The answer to a call, or its error.
fn respond<M: Message>(desk: &Desk, rpc: &'static str, answered: Result<M, ServiceError>) -> Response<Body> {
    let message = match answered {
        Ok(message) => message,
        Err(error) => return rpc_status::of(&failed(rpc, &error)),
    };
    match desk.messages.write(&format!("{rpc}Response"), &message) {
        Ok(text) => answer::json(StatusCode::OK, text),
        Err(error) => rpc_status::of(&tonic::Status::internal(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_is_the_request_that_it_says() {
        let request = queried("issuer=acme&subject=auth0%7Cann&clientId=app&min_revision=7").unwrap();
        assert_eq!((request.issuer.as_str(), request.subject.as_str()), ("acme", "auth0|ann"));
        assert_eq!((request.client_id.as_str(), request.min_revision), ("app", 7));
        for query in ["sub=ann", "subject=a&subject=b", "client_id=a&clientId=b", "minRevision=-1", "min_revision=x"] {
            assert!(queried(query).is_err(), "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in ".{0,80}") {
            drop(queried(&query));
        }
    }
}
