//! An Auth0 tenant's log, read from its Management API: page by page from an event on, or the first event since a time.
//!
//! A client of the tenant's that may `read:logs` asks. Every request has a deadline and every answer a limit; how long to
//! wait is what the tenant says.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Response, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, LINK, RETRY_AFTER},
};

use super::{
    auth0_token::TenantToken,
    fetch::{FetchError, Fetcher, read_body, transport, unsuccessful},
};
use crate::{
    domain::{Clock, Timestamp},
    token::Secret,
};

/// The largest page that is read. A hundred events take some 200 KiB; those of the Management API may be long.
const MOST_PAGE_BYTES: usize = 8 << 20;

/// The most events that a page may have.
const MOST_EVENTS: usize = 100;

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
    token: TenantToken,
    clock: Arc<dyn Clock>,
}

impl Auth0Logs {
    /// The log of the tenant at this URL, which has no slash at its end and was checked; nothing is asked yet.
    #[must_use]
    pub fn new(
        fetcher: Fetcher,
        base_url: String,
        client_id: String,
        client_secret: Secret,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let token = TenantToken::new(fetcher.clone(), &base_url, client_id, client_secret, Arc::clone(&clock));
        Self { fetcher, base_url, token, clock }
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
            self.token.forget();
            response = self.ask(&url, &shown).await?;
        }
        let status = response.status().as_u16();
        match status {
            200 => (),
            429 => return Err(LogsError::TooMany(wait(response.headers(), self.clock.now()))),
            401 | 403 => {
                self.token.forget();
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
        let wait = if exhausted { wait(response.headers(), self.clock.now()) } else { None };
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
        let mut query = url.query_pairs_mut();
        match position {
            LogPosition::After(id) => {
                query.append_pair("from", id).append_pair("take", &events.clamp(1, MOST_EVENTS).to_string());
            }
            LogPosition::Since(at) => {
                query.append_pair("q", &format!("date:[{at} TO *]")).append_pair("sort", "date:1");
                query.append_pair("page", "0").append_pair("per_page", "1");
            }
        }
        drop(query);
        Ok((url, shown))
    }

    async fn ask(&self, url: &Url, shown: &str) -> Result<Response, LogsError> {
        let token = self.token.header().await?;
        let request = self.fetcher.client(url).get(url.clone()).header(ACCEPT, "application/json");
        Ok(request.header(AUTHORIZATION, token).send().await.map_err(|error| transport(shown, error))?)
    }
}

/// How long a tenant asks to wait: so many seconds, or until a time.
pub(super) fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let after = number(headers, RETRY_AFTER.as_str()).map(Duration::from_secs);
    let until = number(headers, "x-ratelimit-reset").and_then(|seconds| i64::try_from(seconds).ok());
    let until = until.and_then(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)).ok());
    after.max(until.map(|until| until.since(now)))
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
    use reqwest::header::{HeaderName, HeaderValue};

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
    fn a_tenant_s_wish_to_be_left_alone_is_understood() {
        let now = Timestamp::from_millis(1_780_000_000_500).unwrap();
        let of = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            wait(&headers.collect(), now).map(|wait| wait.as_millis())
        };
        assert_eq!(of(&[("retry-after", "7")]), Some(7000));
        assert_eq!(of(&[("x-ratelimit-reset", "1780000003")]), Some(2500));
        assert_eq!(of(&[("x-ratelimit-reset", "1780000003"), ("retry-after", "1")]), Some(2500));
        assert_eq!(of(&[("x-ratelimit-reset", "1")]), Some(0));
        for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(of(&[("retry-after", nonsense), ("x-ratelimit-reset", nonsense)]), None, "{nonsense}");
        }
        assert_eq!(of(&[]), None);
    }

    proptest! {
        #[test]
        fn no_link_makes_it_panic(link in "[ -~]{0,80}") {
            drop(next(&link));
        }
    }
}
