//! An Auth0 tenant's log, read from its Management API: page by page from an event on, or the first event since a time.
//!
//! A client of the tenant's that may `read:logs` gets a token by its secret, and again when that is about to expire or is
//! not taken any more. Every request has a deadline and every answer a limit; how long to wait is what the tenant says.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{
    Response, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, RETRY_AFTER},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fetch::{FetchError, Fetcher, read_body, transport, unsuccessful};
use crate::{
    domain::{Clock, Timestamp},
    token::{Secret, parse_object},
};

/// The largest page that is read. A hundred events take some 200 KiB; those of the Management API may be long.
const MOST_PAGE_BYTES: usize = 8 << 20;

/// The largest answer to a request for a token.
const MOST_TOKEN_BYTES: usize = 64 * 1024;

/// The most events that a page may have.
pub(super) const MOST_EVENTS: usize = 100;

/// How long before it expires a token is renewed, if it lives twice as long.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// How long a token is used that does not say how long it lives.
const UNSAID_LIFETIME: Duration = Duration::from_secs(300);

/// The longest id of an event: the real ones have some 60 characters.
const MOST_ID_BYTES: usize = 256;

/// From where on the log is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPosition {
    /// From the first event since this time, and that one alone: from its id on the others follow.
    Since(Timestamp),
    /// From the event after the one with this id.
    After(String),
}

/// A part of the log.
#[derive(Debug)]
pub struct LogPage {
    /// The events: JSON, and an array by its first character.
    pub body: Vec<u8>,
    /// The id of the event after which it goes on, where the tenant says so.
    pub next: Option<String>,
    /// How long to wait before the next request, where the tenant says so: no more are allowed for now.
    pub wait: Option<Duration>,
}

/// Why there is no page. Never holds a token or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// There was no answer that is one.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// Too many requests: how long to wait, where the tenant says so.
    #[error("the tenant says that there are too many requests")]
    TooMany(Option<Duration>),
    /// The client, its secret or its permission is not right.
    #[error("{url} answered {status}: {hint}")]
    NotAllowed {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What to look at.
        hint: &'static str,
    },
    /// The position is not one, or not any more: events are kept for a time only.
    #[error("{0} does not know the event after which to go on (it answered {1})")]
    NoSuchPosition(String, u16),
    /// What was answered is not what it should be.
    #[error("{0}: {1}")]
    Document(String, String),
}

/// A tenant's log.
pub struct Auth0Logs {
    fetcher: Fetcher,
    base_url: String,
    client_id: String,
    client_secret: Secret,
    clock: Arc<dyn Clock>,
    /// Locked only to read and set it.
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    renew_at: Instant,
}

impl Auth0Logs {
    /// The log of the tenant at this URL, which has no slash at its end and was checked; nothing is asked yet.
    #[must_use]
    pub const fn new(
        fetcher: Fetcher,
        base_url: String,
        client_id: String,
        client_secret: Secret,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { fetcher, base_url, client_id, client_secret, clock, token: Mutex::new(None) }
    }

    /// The tenant's URL.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The page at a position, of at most so many events.
    ///
    /// # Errors
    /// [`LogsError`].
    pub async fn page(&self, position: &LogPosition, events: usize) -> Result<LogPage, LogsError> {
        let (url, shown) = self.url(position, events)?;
        let mut response = self.ask(&url, &shown).await?;
        if response.status().as_u16() == 401 {
            // The token may have been withdrawn before its time: a new one, and if that is no good either, no more.
            self.set_token(None);
            response = self.ask(&url, &shown).await?;
        }
        let status = response.status().as_u16();
        match status {
            200 => (),
            429 => return Err(LogsError::TooMany(self.wait(response.headers()))),
            401 | 403 => {
                self.set_token(None);
                let hint =
                    "the client needs the permission read:logs of the Management API, whose audience is this URL";
                return Err(LogsError::NotAllowed { url: shown, status, hint });
            }
            400 | 404 | 410 if matches!(position, LogPosition::After(_)) => {
                return Err(LogsError::NoSuchPosition(shown, status));
            }
            _ => return Err(unsuccessful(&shown, &response).into()),
        }
        let next = next_after(response.headers());
        let exhausted = number(response.headers(), "x-ratelimit-remaining") == Some(0);
        let wait = if exhausted { self.wait(response.headers()) } else { None };
        let body = read_body(&shown, response, MOST_PAGE_BYTES).await?;
        if body.trim_ascii_start().first() != Some(&b'[') {
            return Err(LogsError::Document(shown, "it is not a JSON array".to_owned()));
        }
        Ok(LogPage { body, next, wait })
    }

    /// The URL of a page, and what of it may be shown.
    fn url(&self, position: &LogPosition, events: usize) -> Result<(Url, String), LogsError> {
        let shown = format!("{}/api/v2/logs", self.base_url);
        let mut url = Url::parse(&shown).map_err(|error| LogsError::Document(shown.clone(), error.to_string()))?;
        let take = events.clamp(1, MOST_EVENTS).to_string();
        let since = |at: &Timestamp| format!("date:[{at} TO *]");
        match position {
            LogPosition::After(id) => url.query_pairs_mut().append_pair("from", id).append_pair("take", &take),
            LogPosition::Since(at) => {
                let mut query = url.query_pairs_mut();
                query.append_pair("q", &since(at)).append_pair("sort", "date:1");
                query.append_pair("page", "0").append_pair("per_page", "1");
                drop(query);
                return Ok((url, shown));
            }
        };
        Ok((url, shown))
    }

    async fn ask(&self, url: &Url, shown: &str) -> Result<Response, LogsError> {
        let token = self.token().await?;
        let request = self.fetcher.client(url).get(url.clone()).header(ACCEPT, "application/json");
        Ok(request.header(AUTHORIZATION, token).send().await.map_err(|error| transport(shown, error))?)
    }

    /// The `Authorization` header with a token that is good for some time yet.
    async fn token(&self) -> Result<HeaderValue, LogsError> {
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = known.filter(|token| token.renew_at > Instant::now()) {
            return Ok(token.header);
        }
        let token = self.new_token().await?;
        self.set_token(Some(token.clone()));
        Ok(token.header)
    }

    fn set_token(&self, token: Option<Token>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Asks for a token (RFC 6749, section 4.4, with the audience that this provider wants).
    async fn new_token(&self) -> Result<Token, LogsError> {
        let shown = format!("{}/oauth/token", self.base_url);
        let document = |reason: &str| LogsError::Document(shown.clone(), reason.to_owned());
        let url = Url::parse(&shown).map_err(|error| document(&error.to_string()))?;
        let body = json!({
            "grant_type": "client_credentials", "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(), "audience": format!("{}/api/v2/", self.base_url),
        });
        let request = self.fetcher.client(&url).post(url).header(CONTENT_TYPE, "application/json");
        let request = request.header(ACCEPT, "application/json").body(body.to_string());
        let asked_at = Instant::now();
        let response = request.send().await.map_err(|error| transport(&shown, error))?;
        let status = response.status().as_u16();
        match status {
            200 => (),
            429 => return Err(LogsError::TooMany(self.wait(response.headers()))),
            400 | 401 | 403 => {
                let hint = "client_id, the secret in client_secret_file, or the client's grants are not right";
                return Err(LogsError::NotAllowed { url: shown, status, hint });
            }
            _ => return Err(unsuccessful(&shown, &response).into()),
        }
        let body = read_body(&shown, response, MOST_TOKEN_BYTES).await?;
        let answer = parse_object(&body).map_err(|error| document(&error.to_string()))?;
        let token = answer.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| document("it has no access_token"))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| document("its access_token cannot stand in a header"))?;
        header.set_sensitive(true);
        let lifetime = answer.get("expires_in").and_then(Value::as_u64).map_or(UNSAID_LIFETIME, Duration::from_secs);
        Ok(Token { header, renew_at: asked_at + used_for(lifetime) })
    }

    /// How long the tenant asks to wait: so many seconds, or until a time.
    fn wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let after = number(headers, RETRY_AFTER.as_str()).map(Duration::from_secs);
        let until = number(headers, "x-ratelimit-reset").and_then(|seconds| i64::try_from(seconds).ok());
        let until = until.and_then(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)).ok());
        after.max(until.map(|until| until.since(self.clock.now())))
    }
}

/// How long a token is used that lives so long: not until its very end, but half of it at least, and a day at most.
fn used_for(lifetime: Duration) -> Duration {
    let day = Duration::from_secs(24 * 3600);
    lifetime.saturating_sub(RENEW_BEFORE).max(lifetime / 2).min(day)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The id of the event after which the next page begins, as the `Link` header names it (RFC 8288). Of its URL nothing else
/// is used: no token goes where an answer says.
fn next_after(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|value| value.split(',')).find(|link| {
        let parameters = link.split(';').skip(1).map(str::trim);
        parameters.into_iter().any(|parameter| matches!(parameter, "rel=next" | "rel=\"next\""))
    })?;
    let url = next.split_once('<')?.1.split_once('>')?.0;
    let from = Url::parse(url).ok()?.query_pairs().find(|(name, _)| name == "from").map(|(_, id)| id.into_owned());
    from.filter(|id| is_id(id))
}

/// Whether this can be the id of an event.
fn is_id(text: &str) -> bool {
    (1..=MOST_ID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl LogPosition {
    /// The position after the event with this id, if it can be one.
    #[must_use]
    pub fn after(id: &str) -> Option<Self> {
        is_id(id).then(|| Self::After(id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(link: &str) -> Option<String> {
        next_after(&HeaderMap::from_iter([(LINK, HeaderValue::from_str(link).unwrap())]))
    }

    #[test]
    fn the_next_page_is_where_the_link_says() {
        for (link, expected) in [
            ("<https://t.example/api/v2/logs?from=9001&take=100>; rel=\"next\"", Some("9001")),
            ("<https://t.example/a?take=1&from=a%7Cb>; title=x; rel=next", Some("a|b")),
            ("<https://t.example/p?from=1>; rel=\"prev\", <https://t.example/n?from=2>; rel=\"next\"", Some("2")),
            // Of another machine's URL, the id is as good.
            ("<https://else.example/?from=3>; rel=\"next\"", Some("3")),
            ("<https://t.example/?from=1>; rel=\"prev\"", None),
            ("<https://t.example/?from=>; rel=\"next\"", None),
            ("<https://t.example/?from=a%20b>; rel=\"next\"", None),
            ("<https://t.example/>; rel=\"next\"", None),
            ("</logs?from=1>; rel=\"next\"", None),
            ("rel=\"next\"", None),
            ("", None),
        ] {
            assert_eq!(next(link).as_deref(), expected, "{link}");
        }
        assert_eq!(next(&format!("<https://t.example/?from={}>; rel=next", "9".repeat(257))), None);
    }

    #[test]
    fn a_token_is_renewed_before_its_end() {
        for (lifetime, used) in [(86_400, 86_340), (3600, 3540), (90, 45), (0, 0), (u64::MAX, 86_400)] {
            assert_eq!(used_for(Duration::from_secs(lifetime)), Duration::from_secs(used), "{lifetime}");
        }
    }

    proptest! {
        #[test]
        fn no_link_makes_it_panic(link in "[ -~]{0,80}") {
            drop(next(&link));
        }
    }
}
