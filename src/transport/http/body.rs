//! Bodies from outside: how large they may be, how long they may take, and forms.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};
use http_body_util::BodyExt;
use prost::bytes::BytesMut;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// How many bytes all bodies that are being read may take together.
const MOST_TOGETHER: u32 = 64 << 20;

/// How bodies are read: each within a time, all within so many bytes.
#[derive(Debug, Clone)]
pub(super) struct Bodies {
    within: Duration,
    room: Arc<Semaphore>,
}

/// A body, and the room that it takes until it is dropped.
pub(super) struct Received {
    bytes: BytesMut,
    room: Option<OwnedSemaphorePermit>,
}

impl std::ops::Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    /// Each of which must be there within this time.
    pub(super) fn new(within: Duration) -> Self {
        Self { within, room: Arc::new(Semaphore::new(MOST_TOGETHER as usize)) }
    }

    /// Reads a body of at most so many bytes.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body, most: usize) -> Result<Received, Problem> {
        // A few bytes may unpack to any number.
        if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body is compressed; send it as it is",
            ));
        }
        tokio::time::timeout(self.within, self.collect(body, most)).await.unwrap_or_else(|_elapsed| {
            let within = humantime::format_duration(self.within);
            let description = format!("the body did not arrive within {within}");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", description))
        })
    }

    async fn collect(&self, mut body: Body, most: usize) -> Result<Received, Problem> {
        let mut received = Received { bytes: BytesMut::new(), room: None };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Problem::invalid(format!("the body could not be read: {error}")))?;
            // What is no data are trailers, which mean nothing here.
            let Ok(data) = frame.into_data() else { continue };
            if received.bytes.len() + data.len() > most {
                return Err(Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "payload_too_large",
                    format!("the body is longer than {most} bytes"),
                ));
            }
            // Taken as bytes come, so that whoever sends slowly keeps nobody from anything.
            let room = u32::try_from(data.len())
                .ok()
                .and_then(|bytes| Arc::clone(&self.room).try_acquire_many_owned(bytes).ok());
            let Some(room) = room else {
                return Err(Problem::busy("too many bodies are being read; try again shortly"));
            };
            match &mut received.room {
                Some(all) => all.merge(room),
                none => *none = Some(room),
            }
            received.bytes.extend_from_slice(&data);
        }
        Ok(received)
    }
}

/// Whether the body says that it is of this media type, whatever its parameters.
pub(super) fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    named.split(';').next().is_some_and(|named| named.trim().eq_ignore_ascii_case(media_type))
}

/// The one value of a parameter of a form.
pub(super) fn form_value(headers: &HeaderMap, form: &[u8], name: &str) -> Result<String, Problem> {
    if !is_of_type(headers, FORM) {
        return Err(Problem::invalid(format!("the Content-Type must be {FORM}")));
    }
    optional_value(form, name)?.ok_or_else(|| Problem::invalid(format!("the parameter {name} is missing")))
}

/// The one value of a parameter of a form, which may be left out. One without a value is as good as left out (RFC 6749,
/// section 3.2).
pub(super) fn optional_value(form: &[u8], name: &str) -> Result<Option<String>, Problem> {
    let mut values = form_urlencoded::parse(form).filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(Problem::invalid(format!("{name} is there more than once"))),
        (value, _) => Ok(value.map(std::borrow::Cow::into_owned).filter(|value| !value.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn the_one_value_is_found() {
        let value = |content_type, form: &str| form_value(&headers(content_type), form.as_bytes(), "token");
        assert_eq!(value(FORM, "x=1&token=a%2Eb&y"), Ok("a.b".to_owned()));
        assert_eq!(value("Application/X-WWW-Form-Urlencoded; charset=UTF-8", "token=a"), Ok("a".to_owned()));
        for (content_type, form) in
            [("application/json", "token=a"), (FORM, ""), (FORM, "token="), (FORM, "token"), (FORM, "token=a&token=a")]
        {
            assert!(value(content_type, form).is_err(), "{content_type} {form}");
        }
        assert!(form_value(&HeaderMap::new(), b"token=a", "token").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(form in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(form_value(&headers(FORM), &form, "token"));
        }
    }
}
