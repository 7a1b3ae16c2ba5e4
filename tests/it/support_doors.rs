//! The two doors of a server, called in the same way: what holds behind the one holds behind the other.

use std::{collections::HashMap, time::Duration};

use curfew::transport::{
    grpc::pb::{self, revocation_service_client::RevocationServiceClient},
    json::Messages,
};
use prost::Message;
use serde_json::Value;
use tonic::{Code, Response, Status, transport::Channel};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::support::{Server, Setup};

/// A way to call a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Grpc,
    Http,
}

/// Somebody who calls a server through a door, with the protocol's own messages.
pub(crate) enum Caller {
    Grpc(RevocationServiceClient<Channel>),
    Http(reqwest::Client, String, Messages),
}

/// Runs each of these functions, which take a [`Door`], as a test for each door.
macro_rules! through_both_doors {
    ($($name:ident),* $(,)?) => {
        mod over_grpc {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::support_doors::Door::Grpc).await;
            })*
        }
        mod over_http {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::support_doors::Door::Http).await;
            })*
        }
    };
}
pub(crate) use through_both_doors;

impl Door {
    /// What opens it: the first lines of a configuration.
    pub(crate) const fn config(self) -> &'static str {
        match self {
            Self::Grpc => "",
            Self::Http => "[http]\nlisten = \"127.0.0.1:0\"\n",
        }
    }

    /// A server with this door, and other lines for its issuer.
    pub(crate) fn server(self, issuer: &'static str) -> Server {
        let mut setup = Setup::new();
        (setup.top, setup.issuer) = (self.config(), issuer);
        setup.start()
    }

    /// Somebody who calls it.
    pub(crate) async fn caller(self, server: &Server) -> Caller {
        match self {
            Self::Grpc => Caller::Grpc(server.client().await),
            Self::Http => Caller::Http(reqwest::Client::new(), server.http.clone().unwrap(), Messages::new().unwrap()),
        }
    }
}

type Answered<T> = Result<Response<T>, Status>;

impl Caller {
    pub(crate) async fn record_logout(
        &mut self,
        request: pb::RecordLogoutRequest,
    ) -> Answered<pb::RecordLogoutResponse> {
        match self {
            Self::Grpc(client) => client.record_logout(request).await,
            Self::Http(client, base, messages) => {
                let body = messages.write("RecordLogoutRequest", &request).unwrap();
                let request = client.post(format!("{base}/v1/logouts")).header("content-type", "application/json");
                answered(messages, "RecordLogoutResponse", request.body(body)).await
            }
        }
    }

    pub(crate) async fn validate_token(
        &mut self,
        request: pb::ValidateTokenRequest,
    ) -> Answered<pb::ValidateTokenResponse> {
        match self {
            Self::Grpc(client) => client.validate_token(request).await,
            Self::Http(client, base, messages) => {
                let body = messages.write("ValidateTokenRequest", &request).unwrap();
                let request = client.post(format!("{base}/v1/tokens:validate"));
                let request = request.header("content-type", "application/json");
                answered(messages, "ValidateTokenResponse", request.body(body)).await
            }
        }
    }

    pub(crate) async fn get_last_logout(
        &mut self,
        request: pb::GetLastLogoutRequest,
    ) -> Answered<pb::GetLastLogoutResponse> {
        match self {
            Self::Grpc(client) => client.get_last_logout(request).await,
            Self::Http(client, base, messages) => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("issuer", &request.issuer)
                    .append_pair("subject", &request.subject)
                    .append_pair("clientId", &request.client_id)
                    .append_pair("minRevision", &request.min_revision.to_string())
                    .finish();
                let request = client.get(format!("{base}/v1/last-logout?{query}"));
                answered(messages, "GetLastLogoutResponse", request).await
            }
        }
    }
}

async fn answered<M: Message + Default>(
    messages: &Messages,
    name: &str,
    request: reqwest::RequestBuilder,
) -> Answered<M> {
    let response = request.timeout(Duration::from_secs(30)).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let http = response.status();
    let value: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    if http.is_success() {
        return Ok(Response::new(messages.read(name, value.as_object().unwrap().clone()).unwrap()));
    }
    assert_eq!(value["error"]["code"], http.as_u16());
    Err(status(&value["error"]))
}

/// The status that an error in JSON stands for.
fn status(error: &Value) -> Status {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let code = match error["status"].as_str().unwrap() {
        "INVALID_ARGUMENT" => Code::InvalidArgument,
        "FAILED_PRECONDITION" => Code::FailedPrecondition,
        "OUT_OF_RANGE" => Code::OutOfRange,
        "UNAVAILABLE" => Code::Unavailable,
        other => panic!("{other}: {error}"),
    };
    let mut details = ErrorDetails::new();
    for detail in error["details"].as_array().unwrap() {
        match detail["@type"].as_str().unwrap().rsplit('.').next().unwrap() {
            "ErrorInfo" => {
                let metadata = detail["metadata"].as_object().unwrap();
                let metadata: HashMap<_, _> =
                    metadata.iter().map(|(name, value)| (name.clone(), text(value))).collect();
                details.set_error_info(text(&detail["reason"]), text(&detail["domain"]), metadata);
            }
            "BadRequest" => {
                let violations = detail["fieldViolations"].as_array().unwrap();
                let violation = |value: &Value| FieldViolation::new(text(&value["field"]), text(&value["description"]));
                details.set_bad_request(violations.iter().map(violation).collect::<Vec<_>>());
            }
            "RetryInfo" => {
                let delay = humantime::parse_duration(detail["retryDelay"].as_str().unwrap()).unwrap();
                details.set_retry_info(Some(delay));
            }
            other => panic!("{other}"),
        }
    }
    Status::with_error_details(code, text(&error["message"]), details)
}
