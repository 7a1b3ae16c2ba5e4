//! The front desk, by real servers over real HTTP.

mod auth0_logs;
mod auth0_poll;
mod backchannel_logout;
mod bounds;
mod dead_letters;
mod faltering;
mod forward_auth;
mod global_token_revocation;
mod introspect;
mod json;
mod metrics;
mod revoke;
mod security_event_poll;
mod security_events;
mod tenant;
mod token_kinds;
mod transmitter;
mod whole_seconds;

use curfew::{
    token::{Algorithm, Signer},
    transport::grpc::pb::{self, Verdict, record_logout_request::Target},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, Server, Setup, logout_of, unix_seconds};

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

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// Who may ask about tokens, and their secrets: the first about any, the other about those for one audience.
const GATEWAY: (&str, &str) = ("gateway", "a secret of the gateway");
const NARROW: (&str, &str) = ("narrow", "a secret of somebody else");

/// Another audience of the issuer's, which [`NARROW`] stands for.
const OTHER_AUDIENCE: &str = "https://other.example";

/// An issuer whose keys cannot be had.
const DOWN: &str = "[[issuer]]\nname = \"down\"\nissuer = \"https://down.example\"\naudiences = [\"https://api.example\"]\n\
                    algorithms = [\"ES256\"]\nkeys = { jwks_url = \"http://127.0.0.1:1/\" }\n";

/// A server that knows its gateways, with other lines for the issuer. Its issuer has two audiences, and another issuer's
/// keys cannot be had.
fn server_with_clients(issuer: &str) -> Server {
    let mut setup = Setup::new();
    let client = |(id, secret): (&str, &str), more: String| {
        let file = setup.write(id, secret);
        format!("[[http.client]]\nid = {id:?}\nsecret_file = {file}\n{more}\n")
    };
    let clients = client(GATEWAY, String::new()) + &client(NARROW, format!("audiences = [{OTHER_AUDIENCE:?}]"));
    setup.top = String::leak(format!("{HTTP}{clients}"));
    setup.issuer = String::leak(format!("{issuer}\n{DOWN}"));
    let config = setup.write_config();
    let text = std::fs::read_to_string(&config).unwrap();
    let two = format!("audiences = [{AUDIENCE:?}, {OTHER_AUDIENCE:?}]\nalgorithms");
    let one = format!("audiences = [{AUDIENCE:?}]\nalgorithms");
    assert!(text.contains(&one));
    std::fs::write(config, text.replacen(&one, &two, 1)).unwrap();
    setup.start_as_written()
}

/// The claims of a good token; null takes one away.
fn claims(changes: &Value) -> Value {
    let now = unix_seconds();
    let claims = json!({
        "iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now - 60, "exp": now + 3600, "jti": "token-1", "sid": "s1",
        "client_id": "web", "scope": "read write"
    });
    changed(claims, changes)
}

/// Good tokens that are not honoured, or no tokens at all, by what is wrong with them. All name who they say they are of.
fn unfit(server: &Server) -> Vec<(&'static str, String)> {
    let now = unix_seconds();
    let sign = |changes: &Value| server.minter.sign(&claims(changes)).unwrap();
    let stranger = curfew::token::Minter::generate("k1").unwrap();
    let unknown = curfew::token::Minter::generate("k9").unwrap();
    let good = sign(&json!({}));
    let (head, signature) = good.rsplit_once('.').unwrap();
    vec![
        ("nothing like a token", "x".to_owned()),
        ("a refresh token", "v1.Mr5Wl0lQ~".to_owned()),
        ("expired", sign(&json!({"iat": now - 7200, "exp": now - 3600}))),
        ("for another audience", sign(&json!({"aud": "https://else.example"}))),
        ("of another issuer", sign(&json!({"iss": "https://else.example"}))),
        ("without a subject", sign(&json!({"sub": null}))),
        ("of the wrong type", sign(&json!({"sub": 5}))),
        ("living too long", sign(&json!({"exp": now + 90 * 86_400}))),
        ("signed by somebody else", stranger.sign(&claims(&json!({}))).unwrap()),
        ("signed with an unknown key", unknown.sign(&claims(&json!({}))).unwrap()),
        ("cut", head.to_owned()),
        ("unsigned", format!("{head}.")),
        ("with another signature", format!("{head}.{}", signature.chars().rev().collect::<String>())),
        ("too long", "a".repeat(20_000)),
    ]
}

/// A form.
fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A header with credentials (RFC 7617).
fn basic((id, secret): (&str, &str)) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// The claims of a good logout token; null takes one away.
fn logout_claims(changes: &Value) -> Value {
    let now = unix_seconds();
    let claims = json!({
        "iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "logout-1", "sub": "ann",
        "events": { EVENT: {} }
    });
    changed(claims, changes)
}

/// These claims with these changes; null takes one away.
fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// An access token of a subject in a session, issued a minute ago.
fn session_token(server: &Server, subject: &str, session: &str) -> String {
    let now = unix_seconds();
    let claims = json!({
        "iss": ISSUER, "sub": subject, "sid": session, "aud": AUDIENCE, "iat": now - 60, "exp": now + 3600,
        "jti": format!("{subject}-{session}")
    });
    server.minter.sign(&claims).unwrap()
}

impl Server {
    /// A token with these claims and this `typ`, signed as the issuer signs.
    fn signed_as(&self, media_type: Option<&str>, claims: &Value) -> String {
        let pem = self.minter.private_pem();
        let signer = Signer::from_pem(Algorithm::Es256, pem.as_bytes(), Some("k1")).unwrap();
        signer.typed(media_type).sign(claims).unwrap()
    }

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
        self.post("/backchannel-logout", FORM, form).await
    }

    async fn post(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        Client::new().post(self.at(path)).header("content-type", content_type).body(body).send().await.unwrap()
    }

    /// A token of the issuer's, with changes to its claims.
    fn signed(&self, changes: &Value) -> String {
        self.minter.sign(&claims(changes)).unwrap()
    }

    /// Sends a form, with credentials if there are any.
    async fn post_form(&self, path: &str, authorization: Option<&str>, fields: &[(&str, &str)]) -> Response {
        let mut request = Client::new().post(self.at(path)).header("content-type", FORM).body(form(fields));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        request.send().await.unwrap()
    }

    /// What gRPC says of a token.
    async fn verdict(&self, token: &str) -> Verdict {
        let request = pb::ValidateTokenRequest { token: token.to_owned(), ..Default::default() };
        self.client().await.validate_token(request).await.unwrap().into_inner().verdict()
    }

    /// Logs a subject out.
    async fn log_out(&self, subject: &str) -> pb::RecordLogoutResponse {
        let mut request = logout_of(subject);
        if let Some(Target::Subject(subject)) = &mut request.target {
            subject.issuer = "op".to_owned();
        }
        self.client().await.record_logout(request).await.unwrap().into_inner()
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
