//! What an event of the tenant log asks for: whose tokens, and since when.
//!
//! The field names are those of Auth0's published schemas of the tenant log, which make `user_id`, `date`, `client_id` and
//! `details.session_id` optional, `client_id` possibly null and `user_id` possibly empty. What is not needed is not looked
//! at, so that an event that logs nobody out is never at fault.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    actions::{LogAction, LogActions},
    management::{Managed, managed},
};
use crate::{
    domain::{ClientId, IdentifierError, LogoutReason, SessionId, SubjectId, Timestamp},
    token::shown,
};

/// Milliseconds since 1970 below this are seconds: as milliseconds it is March 1973.
const LEAST_MILLIS: i64 = 100_000_000_000;

/// And from here on microseconds: as milliseconds it is the year 5138.
const BEYOND_MILLIS: i64 = 100_000_000_000_000;

/// What tells an event from others, as far as it says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LogLabel {
    /// `log_id`, `_id` where it is older. Empty: it has none.
    pub id: String,
    /// `type`. Empty: it has none.
    pub code: String,
}

/// Whose tokens are no longer honoured.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whom {
    /// A session's, and whose it is where that is known.
    Session(SessionId, Option<SubjectId>),
    /// A user's.
    User(SubjectId),
    /// A user's at one client.
    UserAtClient(SubjectId, ClientId),
}

/// A logout that an event tells of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogLogout {
    /// Whose tokens.
    pub whom: Whom,
    /// When it happened, as the event says; whether it can have, is not looked at here.
    pub at: Timestamp,
    /// Whether it says so to the second only. Auth0 itself writes milliseconds.
    pub to_the_second: bool,
    /// Why.
    pub reason: LogoutReason,
}

/// Why nothing can be made of an event; a sentence for whoever looks at the dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogEventFault {
    /// It has no `type`, or one that is no text.
    #[error("it has no type: is it an event of the tenant log?")]
    NoType,
    /// A field has the wrong type.
    #[error("its {0} is not {1}")]
    FieldType(&'static str, &'static str),
    /// A field is too long to be an identifier.
    #[error("its {0} {1}")]
    Identifier(&'static str, IdentifierError),
    /// It names nobody.
    #[error("it names neither a user (user_id) nor a session (details.session_id)")]
    Nobody,
    /// It names no user, where a user's tokens were to be refused.
    #[error("it names no user (user_id)")]
    NoUser,
    /// It names no client, where a user's tokens at one client were to be refused.
    #[error("it names no client (client_id); to log the user out everywhere instead, set this code to \"user\"")]
    NoClient,
    /// It names two users.
    #[error("it names two users: user_id, who may have done it, and details.enrollment.user_id")]
    TwoUsers,
    /// It does not say when it happened.
    #[error("it has no date")]
    NoDate,
    /// Its date is no time.
    #[error("its date is {0}: {1}")]
    Date(String, String),
    /// Its date is a number of another unit.
    #[error("its date is {0}, a number of {1} where milliseconds belong")]
    DateUnit(i64, &'static str),
    /// A call of the Management API whose path does not name anybody as it should.
    #[error("the path of its request (details.request.path) names nobody that can be understood")]
    Path,
}

/// Reads an event: what tells it from others, and the logout that it tells of. None: it logs nobody out.
///
/// # Errors
/// [`LogEventFault`]; the label is there as far as it could be read.
pub fn read_log_event(
    entry: &Map<String, Value>,
    actions: &LogActions,
) -> (LogLabel, Result<Option<LogLogout>, LogEventFault>) {
    let (envelope_id, event) = unwrapped(entry);
    let mut label = LogLabel { id: id_of(event).unwrap_or_default(), code: String::new() };
    if label.id.is_empty() {
        label.id = envelope_id;
    }
    match event.get("type") {
        Some(Value::String(code)) if !code.is_empty() => code.clone_into(&mut label.code),
        _ => return (label, Err(LogEventFault::NoType)),
    }
    let logout = match actions.of(&label.code) {
        None => Ok(None),
        Some((LogAction::Management, reason)) => managed(event, reason).and_then(|managed| match managed {
            Managed::Nothing => Ok(None),
            Managed::Logout(whom, reason) => logout(event, whom, reason),
        }),
        Some((action, reason)) => whom(event, action).and_then(|whom| logout(event, whom, reason)),
    };
    (label, logout)
}

/// The logout of these tokens, at the event's time.
fn logout(event: &Map<String, Value>, whom: Whom, reason: LogoutReason) -> Result<Option<LogLogout>, LogEventFault> {
    let (at, to_the_second) = date(event)?;
    Ok(Some(LogLogout { whom, at, to_the_second, reason }))
}

/// The label of an entry that cannot be read as a whole, as far as these two can, and nothing stands there twice.
#[must_use]
pub fn label_of_unfit(raw: &[u8]) -> LogLabel {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Loose {
        log_id: String,
        #[serde(rename = "_id")]
        old_id: String,
        #[serde(rename = "type")]
        code: String,
        data: Option<Box<Loose>>,
    }
    let mut outer: Loose = serde_json::from_slice(raw).unwrap_or_default();
    let mut inner = outer.data.take().map(|inner| *inner).unwrap_or_default();
    let ids = [&mut inner.log_id, &mut inner.old_id, &mut outer.log_id, &mut outer.old_id];
    let id = ids.into_iter().map(std::mem::take).find(|id| !id.is_empty());
    let code = if outer.code.is_empty() { inner.code } else { outer.code };
    LogLabel { id: id.unwrap_or_default(), code }
}

/// The event in an entry: its `data` where it has the envelope of a log stream, itself otherwise. And the envelope's id.
fn unwrapped(entry: &Map<String, Value>) -> (String, &Map<String, Value>) {
    match entry.get("data") {
        Some(Value::Object(data)) if !entry.contains_key("type") => (id_of(entry).unwrap_or_default(), data),
        _ => (String::new(), entry),
    }
}

fn id_of(object: &Map<String, Value>) -> Option<String> {
    let text = |name| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("log_id").or_else(|| text("_id")).map(str::to_owned)
}

/// Whose tokens an action refuses.
fn whom(event: &Map<String, Value>, action: LogAction) -> Result<Whom, LogEventFault> {
    let user = identifier(event, "user_id", SubjectId::parse)?;
    let details = event.get("details").and_then(Value::as_object);
    let enrolled = details.and_then(|details| details.get("enrollment")?.get("user_id")?.as_str());
    if let (Some(user), Some(enrolled)) = (&user, enrolled)
        && user.as_str() != enrolled
    {
        return Err(LogEventFault::TwoUsers);
    }
    match action {
        LogAction::Session => {
            let session = match details {
                Some(details) => session(details)?,
                None => None,
            };
            match (session, user) {
                (Some(session), user) => Ok(Whom::Session(session, user)),
                (None, Some(user)) => Ok(Whom::User(user)),
                (None, None) => Err(LogEventFault::Nobody),
            }
        }
        LogAction::Client => {
            let user = user.ok_or(LogEventFault::NoUser)?;
            let client = identifier(event, "client_id", ClientId::parse)?.ok_or(LogEventFault::NoClient)?;
            Ok(Whom::UserAtClient(user, client))
        }
        LogAction::User | LogAction::Management | LogAction::Ignore => {
            user.map(Whom::User).ok_or(LogEventFault::NoUser)
        }
    }
}

fn session(details: &Map<String, Value>) -> Result<Option<SessionId>, LogEventFault> {
    match details.get("session_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => {
            SessionId::parse(text).map(Some).map_err(|error| LogEventFault::Identifier("details.session_id", error))
        }
        Some(_) => Err(LogEventFault::FieldType("details.session_id", "a string")),
    }
}

/// A field with an identifier; null and the empty string count as absent.
fn identifier<T>(
    event: &Map<String, Value>,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, IdentifierError>,
) -> Result<Option<T>, LogEventFault> {
    match event.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => parse(text).map(Some).map_err(|error| LogEventFault::Identifier(name, error)),
        Some(_) => Err(LogEventFault::FieldType(name, "a string")),
    }
}

/// When it happened, and whether it says so to the second only: RFC 3339, or a number of milliseconds.
fn date(event: &Map<String, Value>) -> Result<(Timestamp, bool), LogEventFault> {
    let wrong = |value: String, error: String| LogEventFault::Date(value, error);
    match event.get("date") {
        None | Some(Value::Null) => Err(LogEventFault::NoDate),
        Some(Value::String(text)) if text.is_empty() => Err(LogEventFault::NoDate),
        Some(Value::String(text)) => {
            let at = Timestamp::parse_rfc3339(text).map_err(|error| wrong(shown(text), error.to_string()))?;
            // Only the fraction of a second has a point (RFC 3339, section 5.6).
            Ok((at, !text.contains('.')))
        }
        Some(Value::Number(number)) => match number.as_i64() {
            Some(millis) if millis < LEAST_MILLIS => Err(LogEventFault::DateUnit(millis, "seconds")),
            Some(millis) if millis >= BEYOND_MILLIS => Err(LogEventFault::DateUnit(millis, "microseconds or less")),
            Some(millis) => Timestamp::from_millis(millis)
                .map(|at| (at, false))
                .map_err(|error| wrong(millis.to_string(), error.to_string())),
            None => Err(LogEventFault::FieldType("date", "a time as in RFC 3339")),
        },
        Some(_) => Err(LogEventFault::FieldType("date", "a time as in RFC 3339")),
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
