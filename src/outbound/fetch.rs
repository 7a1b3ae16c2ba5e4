//! Fetches a small JSON document: over TLS with the system's roots, within a deadline and a size, without redirects.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    Client, RequestBuilder, Response, Url,
    header::{ACCEPT, CACHE_CONTROL, HeaderMap},
    redirect::Policy,
};

/// The largest document that is read. Key sets have a few KiB, with certificates a few dozen.
const MOST_BYTES: usize = 512 * 1024;

/// Why a document was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL may not be fetched.
    #[error("{0}")]
    Url(String),
    /// Nobody answered, or not in time, or not over trustworthy TLS.
    #[error("{url}: {reason}")]
    Transport {
        /// What was fetched.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// It answered something else.
    #[error("{url} answered {status}{hint}")]
    Status {
        /// What was fetched.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What to do about it, if anything.
        hint: &'static str,
    },
    /// It answered too much.
    #[error("{0} answered more than {1} bytes")]
    TooLarge(String, usize),
    /// It answered something that is no such document.
    #[error("{url}: {reason}")]
    Document {
        /// What was fetched.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A document and how long it may be kept.
#[derive(Debug)]
pub struct Fetched {
    /// The document.
    pub body: Vec<u8>,
    /// For how long the sender allows it to be kept (RFC 9111, section 5.2.2.1). None: it does not say.
    pub max_age: Option<Duration>,
}

/// Fetches documents.
#[derive(Debug, Clone)]
pub struct Fetcher {
    /// For the outside world: by way of the proxy that the environment names, if any.
    outside: Client,
    /// For this machine: never by way of a proxy.
    loopback: Client,
}

impl Fetcher {
    /// One that gives up after `timeout`.
    ///
    /// # Errors
    /// [`FetchError::Transport`] when the system has no TLS roots.
    pub fn new(timeout: Duration) -> Result<Self, FetchError> {
        let client = |proxy: bool| {
            let builder = Client::builder()
                .timeout(timeout)
                .connect_timeout(timeout)
                .redirect(Policy::none())
                .user_agent(concat!("curfew/", env!("CARGO_PKG_VERSION")));
            let builder = if proxy { builder } else { builder.no_proxy() };
            builder.build().map_err(|error| FetchError::Transport { url: "TLS".to_owned(), reason: chain(&error) })
        };
        Ok(Self { outside: client(true)?, loopback: client(false)? })
    }

    /// Fetches a document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        let (headers, body) = self.exchange(url, MOST_BYTES, |client, url| client.get(url)).await?;
        let max_age = max_age(&headers);
        Ok(Fetched { body, max_age })
    }

    /// Sends a request and reads the document that it is answered with, of at most so many bytes.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(super) async fn exchange(
        &self,
        url: &str,
        most: usize,
        request: impl FnOnce(&Client, Url) -> RequestBuilder,
    ) -> Result<(HeaderMap, Vec<u8>), FetchError> {
        let parsed = check_url(url)?;
        let request = request(self.client(&parsed), parsed).header(ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| transport(url, error))?;
        if !response.status().is_success() {
            return Err(unsuccessful(url, &response));
        }
        let headers = response.headers().clone();
        Ok((headers, read_body(url, response, most).await?))
    }

    /// What asks this URL, which was checked.
    pub(super) fn client(&self, url: &Url) -> &Client {
        if url.scheme() == "http" { &self.loopback } else { &self.outside }
    }
}

/// The error for a request that got no answer, or not all of it.
pub(super) fn transport(url: &str, error: reqwest::Error) -> FetchError {
    FetchError::Transport { url: url.to_owned(), reason: chain(&error.without_url()) }
}

/// The error for an answer that is none.
pub(super) fn unsuccessful(url: &str, response: &Response) -> FetchError {
    let status = response.status();
    let hint = if status.is_redirection() { "; redirects are not followed: configure the final URL" } else { "" };
    FetchError::Status { url: url.to_owned(), status: status.as_u16(), hint }
}

/// The body of an answer, of at most so many bytes.
pub(super) async fn read_body(url: &str, mut response: Response, most: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(url, error))? {
        if body.len() + chunk.len() > most {
            return Err(FetchError::TooLarge(url.to_owned(), most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Checks that keys may be fetched from a URL: over TLS, or from this very machine.
///
/// # Errors
/// [`FetchError::Url`].
pub fn check_url(url: &str) -> Result<Url, FetchError> {
    let refuse = |why: &str| Err(FetchError::Url(format!("{url:?} {why}")));
    let Ok(parsed) = Url::parse(url) else { return refuse("is not a URL") };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return refuse("must not carry a user name or a password");
    }
    match parsed.scheme() {
        "https" => Ok(parsed),
        "http" if is_loopback(&parsed) => Ok(parsed),
        "http" => refuse("is plain HTTP to another machine: anybody in between could hand out keys; use https"),
        _ => refuse("is neither https nor http"),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// `max-age` of `Cache-Control`; zero for `no-store` and `no-cache`.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut found = None;
    for directive in
        directives.flat_map(|value| value.split(',')).map(|directive| directive.trim().to_ascii_lowercase())
    {
        match directive.split_once('=') {
            Some(("max-age", seconds)) => {
                found = seconds.trim_matches('"').parse().ok().map(Duration::from_secs).or(found);
            }
            None if directive == "no-store" || directive == "no-cache" => return Some(Duration::ZERO),
            _ => (),
        }
    }
    found
}

/// An error and everything behind it: the library's first sentence alone never says what went wrong.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_over_tls_or_from_this_machine() {
        for good in [
            "https://op.example/jwks",
            "http://127.0.0.1:1/",
            "http://127.9.9.9/",
            "http://[::1]:1/",
            "http://localhost/",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://op.example/",
            "http://127.0.0.1.example/",
            "http://localhost.example/",
            "http://10.0.0.1/",
            "file:///etc/passwd",
            "https://me:secret@op.example/",
            "op.example",
            "",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_cache_header_is_understood() {
        let of = |value: &'static str| max_age(&HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())]));
        assert_eq!(of("public, max-age=300"), Some(Duration::from_secs(300)));
        assert_eq!(of("Max-Age=\"5\", must-revalidate"), Some(Duration::from_secs(5)));
        assert_eq!(of("max-age=300, no-store"), Some(Duration::ZERO));
        assert_eq!(of("max-age=soon"), None);
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
