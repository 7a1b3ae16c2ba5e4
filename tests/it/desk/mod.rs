//! The front desk, by real servers over real HTTP.

mod backchannel_logout;
mod bounds;
mod json;
mod metrics;

use curfew::token::{Algorithm, Signer};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::support::{ISSUER, Server, Setup, unix_seconds};

/// The client for which logout tokens are issued.
const CLIENT: &str = "web";

/// What makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

const HTTP: &str = "[http]\nlisten = \"127.0.0.1:0\"\nrequest_timeout = \"500ms\"\nmax_connections = 50\n";

/// A server with a front desk, whose issuer's tokens carry their session.
fn server() -> Server {
    server_with("session_claim = \"sid\"\n[issuer.backchannel_logout]\nclient_ids = [\"web\"]\n")
}

/// The same, with other lines for the issuer.
fn server_with(issuer: &'static str) -> Server {
    let mut setup = Setup::new();
    setup.top = HTTP;
    setup.issuer = issuer;
    setup.start()
}

/// The claims of a good logout token; null takes one away.
fn logout_claims(changes: &Value) -> Value {
    let now = unix_seconds();
    let mut claims = json!({
        "iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "logout-1", "sub": "ann",
        "events": { EVENT: {} }
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

impl Server {
    /// An endpoint of its front desk.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.http.as_deref().expect("it has a front desk"))
    }

    /// A logout token, signed as the issuer signs.
    fn logout_token(&self, changes: &Value) -> String {
        let pem = self.minter.private_pem();
        let signer = Signer::from_pem(Algorithm::Es256, pem.as_bytes(), Some("k1")).unwrap();
        signer.sign(&logout_claims(changes)).unwrap()
    }

    async fn send_logout_token(&self, raw_token: &str) -> Response {
        let form = format!("logout_token={raw_token}");
        self.post("/backchannel-logout", "application/x-www-form-urlencoded", form).await
    }

    async fn post(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        Client::new().post(self.at(path)).header("content-type", content_type).body(body).send().await.unwrap()
    }
}

/// The status of an answer, and its error and description if it is one. Nothing of it may be kept.
async fn said(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let text = response.text().await.unwrap();
    if status < 400 {
        return (status, String::new(), text);
    }
    let body: Value = serde_json::from_str(&text).unwrap();
    let field = |name: &str| body[name].as_str().unwrap().to_owned();
    (status, field("error"), field("error_description"))
}
