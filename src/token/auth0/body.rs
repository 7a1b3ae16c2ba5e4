//! From a body to the entries in it: JSON lines, a JSON array, or a JSON object (the three formats of a log stream).
//!
//! A body is cut without being read, so that one entry that cannot be read takes none of the others with it: what says
//! where the next begins is the line's end, or a comma outside of every string and bracket. Each entry is then read by
//! itself, strictly.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::token::{JsonError, parse_object};

/// The most entries of one body. A log stream sends some hundreds.
pub const MOST_LOG_ENTRIES: usize = 10_000;

/// The longest entry that is read. Logouts have one or two KiB.
const MOST_ENTRY_BYTES: usize = 512 * 1024;

/// Why a body has no entries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogBodyFault {
    /// There is nothing in it.
    #[error("the body is empty; it should be JSON lines, a JSON array or a JSON object")]
    Empty,
    /// It begins like an array and does not end like one.
    #[error("the body is not JSON: an array that has no end, or something after it")]
    NotAnArray,
    /// There are too many.
    #[error("the body has more than {MOST_LOG_ENTRIES} entries")]
    TooMany,
}

/// Why an entry could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogEntryFault {
    /// It is not JSON: it was damaged on its way, and should be sent again.
    #[error("it is not JSON ({0})")]
    NotJson(String),
    /// It is JSON that is not accepted, and would not be if it were sent again.
    #[error("it cannot be read: {0}")]
    Unfit(String),
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub enum LogEntry<'a> {
    /// As it was sent.
    Raw(&'a [u8]),
    /// Already read, with what was around it.
    Read(Value),
}

impl From<JsonError> for LogEntryFault {
    fn from(error: JsonError) -> Self {
        Self::Unfit(error.to_string())
    }
}

impl<'a> LogEntry<'a> {
    /// As it was sent. None: it was read with what was around it.
    #[must_use]
    pub const fn raw(&self) -> Option<&'a [u8]> {
        match self {
            Self::Raw(raw) => Some(raw),
            Self::Read(_) => None,
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`LogEntryFault`].
    pub fn read(self) -> Result<Map<String, Value>, LogEntryFault> {
        match self {
            Self::Read(Value::Object(object)) => Ok(object),
            Self::Read(_) => Err(LogEntryFault::Unfit("not a JSON object".to_owned())),
            Self::Raw(raw) if raw.len() > MOST_ENTRY_BYTES => {
                Err(LogEntryFault::Unfit(format!("it has {} bytes; {MOST_ENTRY_BYTES} are read", raw.len())))
            }
            Self::Raw(raw) => parse_object(raw).map_err(|error| match std::str::from_utf8(raw) {
                // The library's skipping reader goes by the form alone, at any depth.
                Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => error.into(),
                Ok(_) => LogEntryFault::NotJson(error.to_string()),
                Err(_) => LogEntryFault::NotJson("not UTF-8".to_owned()),
            }),
        }
    }
}

/// Cuts a body into its entries.
///
/// # Errors
/// [`LogBodyFault`].
pub fn split_log_body(body: &[u8]) -> Result<Vec<LogEntry<'_>>, LogBodyFault> {
    let body = body.trim_ascii();
    let entries: Vec<_> = match body.first() {
        None => return Err(LogBodyFault::Empty),
        Some(b'[') => raw(array_items(body)?.into_iter()),
        Some(_) => match parse_object(body) {
            Ok(object) => listed(object),
            Err(_) => raw(body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())),
        },
    };
    if entries.len() > MOST_LOG_ENTRIES { Err(LogBodyFault::TooMany) } else { Ok(entries) }
}

/// One more than there may be is enough to see that there are too many.
fn raw<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Vec<LogEntry<'a>> {
    entries.take(MOST_LOG_ENTRIES + 1).map(LogEntry::Raw).collect()
}

/// The entries of one object: itself, or those that it lists as `logs`.
fn listed(mut object: Map<String, Value>) -> Vec<LogEntry<'static>> {
    let is_event = object.contains_key("type") || object.contains_key("data");
    match object.remove("logs") {
        Some(Value::Array(logs)) if !is_event => logs.into_iter().map(LogEntry::Read).collect(),
        Some(other) => {
            object.insert("logs".to_owned(), other);
            vec![LogEntry::Read(Value::Object(object))]
        }
        None => vec![LogEntry::Read(Value::Object(object))],
    }
}

/// What stands between the commas of an array.
fn array_items(array: &[u8]) -> Result<Vec<&[u8]>, LogBodyFault> {
    let inside = array.get(1..).unwrap_or_default();
    let (mut items, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in inside.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => (),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b',' | b']' if depth == 0 => {
                let item = inside.get(begin..at).unwrap_or_default().trim_ascii();
                begin = at + 1;
                if *byte == b']' {
                    // An array may be empty; between commas there must be something.
                    if !item.is_empty() || !items.is_empty() {
                        items.push(item);
                    }
                    // Everything around the array was trimmed.
                    return if begin == inside.len() { Ok(items) } else { Err(LogBodyFault::NotAnArray) };
                }
                items.push(item);
                if items.len() > MOST_LOG_ENTRIES {
                    return Err(LogBodyFault::TooMany);
                }
            }
            _ => (),
        }
    }
    Err(LogBodyFault::NotAnArray)
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
