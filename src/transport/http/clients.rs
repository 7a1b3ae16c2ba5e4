//! Who may ask about tokens, and how they prove who they are: RFC 6749, section 2.3.1, or the secret alone as a bearer
//! token (RFC 7662, section 2.1).
//!
//! Whatever is wrong with credentials is answered alike, and as late: every client is compared in full each time, so that
//! neither the words nor the time tell whether an id is known or how much of a secret was right.

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;

use super::{authorization::Authorization, body::optional_value, problem::Problem};
use crate::token::Secret;

/// The schemes that are understood (RFC 7617, section 2; RFC 6750, section 3).
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"curfew\", charset=\"UTF-8\"");
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"curfew\", error=\"invalid_token\"");

/// One who may ask about tokens.
#[derive(Debug, Clone)]
pub struct HttpClient {
    /// What it calls itself; compared as its secret is, so that the time does not tell which ids there are.
    id: Secret,
    secret: Secret,
    /// The audiences that it stands for. Empty: every configured one.
    pub(super) audiences: Vec<String>,
}

/// All who may ask about tokens.
#[derive(Debug, Clone, Default)]
pub struct HttpClients(Vec<HttpClient>);

impl HttpClient {
    /// The client with this id and secret, which stands for these audiences; for every configured one if there are none.
    #[must_use]
    pub fn new(id: &str, secret: Secret, audiences: Vec<String>) -> Self {
        Self { id: Secret::new(id), secret, audiences }
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        self.id.reveal()
    }

    /// Both are compared, whatever comes of the first.
    fn is(&self, id: &str, secret: &str) -> bool {
        self.id.is(id) & self.secret.is(secret)
    }
}

impl HttpClients {
    /// These clients. No two may have the same secret, which may stand alone.
    #[must_use]
    pub const fn new(all: Vec<HttpClient>) -> Self {
        Self(all)
    }

    /// The client that a request is from. None: it does not say.
    pub(super) fn authenticate(&self, headers: &HeaderMap, form: &[u8]) -> Result<Option<&HttpClient>, Problem> {
        let (id, secret) = (optional_value(form, "client_id")?, optional_value(form, "client_secret")?);
        let found = match (Authorization::of(headers), secret) {
            (Authorization::None, None) => return Ok(None),
            (Authorization::None, Some(secret)) => {
                let id = id.as_deref().unwrap_or_default();
                self.find(|client| client.is(id, &secret)).ok_or_else(|| refused(BASIC))
            }
            (Authorization::Unclear, _) => {
                return Err(Problem::invalid("the header Authorization is there more than once, or is not text"));
            }
            (Authorization::Given(..), Some(_)) => {
                return Err(Problem::invalid("credentials are given in more than one way (RFC 6749, section 2.3)"));
            }
            (Authorization::Given(scheme, rest), None) => self.by_header(scheme, rest),
        }?;
        match id {
            Some(id) if id != found.id() => Err(Problem::invalid("client_id is not that of the credentials")),
            Some(_) | None => Ok(Some(found)),
        }
    }

    fn by_header(&self, scheme: &str, rest: &str) -> Result<&HttpClient, Problem> {
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.find(|client| client.secret.is(rest)).ok_or_else(|| refused(BEARER));
        }
        let basic = scheme.eq_ignore_ascii_case("basic").then(|| basic(rest)).flatten();
        let (id, secret) = basic.ok_or_else(|| refused(BASIC))?;
        // Many send them as they are (RFC 7617) and not form-urlencoded first, which matters to `%` and `+` alone.
        let (plain_id, plain_secret) = (form_decoded(&id), form_decoded(&secret));
        self.find(|client| client.is(&plain_id, &plain_secret) | client.is(&id, &secret)).ok_or_else(|| refused(BASIC))
    }

    /// The client that fits. All are asked, also after one was found.
    fn find(&self, fits: impl Fn(&HttpClient) -> bool) -> Option<&HttpClient> {
        self.0.iter().fold(None, |found, client| if fits(client) { Some(client) } else { found })
    }
}

/// Who somebody is that says nothing, or nothing that holds.
pub(super) fn unknown() -> Problem {
    refused(BASIC)
}

fn refused(challenge: HeaderValue) -> Problem {
    let description = "the caller must prove that it is one of those configured as [[http.client]]";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_client", description).challenging(challenge)
}

/// An id and a secret (RFC 7617, section 2).
fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The text that was form-urlencoded (RFC 6749, appendix B); the same where that is none.
fn form_decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
#[path = "clients_tests.rs"]
mod tests;
