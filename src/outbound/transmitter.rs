//! Asks a transmitter for security event tokens (RFC 8936), and tells it what became of those that it sent before.
//!
//! Every question has a deadline, every answer a length. What a transmitter is told must be true: whoever calls this has
//! what is acknowledged on disk.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

use super::fetch::{FetchError, Fetcher};
use crate::token::{Secret, parse_object};

/// The longest answer that is read: as many of the longest tokens as may be asked for.
const MOST_BYTES: usize = 4 << 20;

/// A transmitter that is asked.
pub struct Transmitter {
    url: String,
    authorization: Option<HeaderValue>,
    /// Whether it is to answer at once, where there is nothing.
    at_once: bool,
    fetcher: Fetcher,
}

/// What became of tokens that came before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Those that are done with, by their `jti`.
    pub taken: Vec<String>,
    /// Those that do not hold.
    pub refused: Vec<Refused>,
}

/// A token that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its `jti`.
    pub id: String,
    /// What is wrong with it, by its registered name (section 2.6).
    pub error: &'static str,
    /// The same for people, in English.
    pub description: String,
}

/// What a transmitter has to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Tokens and the `jti` under which each came. What was no text is an empty one.
    pub tokens: Vec<(String, String)>,
    /// Whether there are more.
    pub more: bool,
}

impl Transmitter {
    /// One at this URL, which is told this secret as the header `Authorization`. It may wait for so long until there is
    /// something, and take so long for its answer beyond that.
    ///
    /// # Errors
    /// [`FetchError`] when the URL may not be asked, or the secret is no header.
    pub fn new(url: &str, secret: Option<&Secret>, wait: Duration, timeout: Duration) -> Result<Self, FetchError> {
        super::check_url(url)?;
        let header = |secret: &Secret| {
            let mut value = HeaderValue::from_str(secret.reveal())
                .map_err(|_| FetchError::Url("the secret cannot stand in a header".to_owned()))?;
            value.set_sensitive(true);
            Ok(value)
        };
        Ok(Self {
            url: url.to_owned(),
            authorization: secret.map(header).transpose()?,
            at_once: wait.is_zero(),
            fetcher: Fetcher::new(wait + timeout)?,
        })
    }

    /// Tells what became of tokens, and asks for others, so many at most.
    ///
    /// # Errors
    /// [`FetchError`]: it is not known whether it has heard what it was told.
    pub async fn ask(&self, told: &Told, most: u32) -> Result<Page, FetchError> {
        let body = question(told, most, self.at_once).to_string();
        let (_, answer) = self
            .fetcher
            .exchange(&self.url, MOST_BYTES, |client, url| {
                let request = client.post(url).header(CONTENT_TYPE, "application/json").header(CONTENT_LANGUAGE, "en");
                let request = match &self.authorization {
                    Some(value) => request.header(AUTHORIZATION, value.clone()),
                    None => request,
                };
                request.body(body)
            })
            .await?;
        page(&answer).map_err(|reason| FetchError::Document { url: self.url.clone(), reason })
    }
}

/// Section 2.4: what is asked.
fn question(told: &Told, most: u32, at_once: bool) -> Value {
    let mut question =
        Map::from_iter([("maxEvents".to_owned(), most.into()), ("returnImmediately".to_owned(), at_once.into())]);
    if !told.taken.is_empty() {
        question.insert("ack".to_owned(), told.taken.clone().into());
    }
    if !told.refused.is_empty() {
        let each = told.refused.iter();
        let each =
            each.map(|refused| (refused.id.clone(), json!({"err": refused.error, "description": refused.description})));
        question.insert("setErrs".to_owned(), Value::Object(each.collect()));
    }
    Value::Object(question)
}

/// Section 2.5: what is answered.
fn page(answer: &[u8]) -> Result<Page, String> {
    let answer = parse_object(answer).map_err(|error| error.to_string())?;
    let more = matches!(answer.get("moreAvailable"), Some(Value::Bool(true)));
    let Some(Value::Object(sets)) = answer.get("sets") else { return Err("it has no object \"sets\"".to_owned()) };
    let token = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Page { tokens: sets.iter().map(|(id, value)| (id.clone(), token(value))).collect(), more })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_became_of_tokens_is_told_and_others_are_asked_for() {
        let refused = Refused { id: "b".to_owned(), error: "invalid_key", description: "Who?".to_owned() };
        let told = Told { taken: vec!["a".to_owned()], refused: vec![refused] };
        assert_eq!(
            question(&told, 7, false),
            json!({
                "maxEvents": 7, "returnImmediately": false, "ack": ["a"],
                "setErrs": {"b": {"err": "invalid_key", "description": "Who?"}}
            })
        );
        assert_eq!(question(&Told::default(), 1, true), json!({"maxEvents": 1, "returnImmediately": true}));
    }

    #[test]
    fn an_answer_is_read_as_it_is_meant() {
        let read = |text: &str| page(text.as_bytes());
        let some =
            Page { tokens: vec![("a".to_owned(), "x.y.z".to_owned()), ("b".to_owned(), String::new())], more: true };
        assert_eq!(read(r#"{"sets":{"a":"x.y.z","b":7},"moreAvailable":true,"else":1}"#), Ok(some));
        assert_eq!(read(r#"{"sets":{}}"#), Ok(Page::default()));
        assert_eq!(read(r#"{"sets":{},"moreAvailable":"yes"}"#), Ok(Page::default()));
        for wrong in ["", "{}", "[]", r#"{"sets":null}"#, r#"{"sets":[]}"#, r#"{"sets":{"a":"1","a":"2"}}"#, "<html>"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn where_nobody_may_be_asked_nobody_is() {
        let at = |url: &str| Transmitter::new(url, None, Duration::ZERO, Duration::from_secs(1));
        assert!(at("https://transmitter.example/poll").is_ok() && at("http://127.0.0.1:1/poll").is_ok());
        assert!(at("http://transmitter.example/poll").is_err() && at("poll").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(page(&bytes));
        }
    }
}
