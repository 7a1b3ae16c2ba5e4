//! What people and programs read: a little colour and aligned columns, or canonical JSON of the protocol's messages.
//!
//! Colour goes away by itself where nobody sees it: in a pipe, with NO_COLOR, on a dumb terminal.

use std::{
    fmt,
    io::{self, Write},
    process,
};

use anstream::eprintln;
use anstyle::{AnsiColor, Style};
use prost::Message;
use prost_types::Timestamp as ProtoTimestamp;

use super::Failure;
use crate::{
    domain::Timestamp,
    transport::{grpc::pb, json::Messages},
};

pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

/// Prints a line. Where nobody can be told anything (a full disk, say), the program ends as for any failure; where nobody
/// listens any more (a closed pipe), quietly.
pub(super) fn line(text: fmt::Arguments<'_>) {
    let mut out = anstream::stdout();
    match writeln!(out, "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            failure(&format!("standard output cannot be written: {error}"));
            process::exit(2);
        }
        Ok(()) | Err(_) => (),
    }
}

/// Like `println!`, by way of [`line`].
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::output::line(format_args!($($text)*)) };
}
pub(super) use say;

/// Says on standard error what failed.
pub(super) fn failure(text: &str) {
    eprintln!("{BAD}curfew:{BAD:#} {text}");
}

/// Rows of a name and a value, aligned, indented by two.
pub(super) fn table(rows: &[(&str, String)]) {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in rows {
        say!("  {DIM}{name:<width$}{DIM:#}  {value}");
    }
}

/// Prints a message as the protocol's canonical JSON, on one line.
pub(super) fn json<M: Message>(name: &str, message: &M) -> Result<(), Failure> {
    say!("{}", Messages::new()?.write(name, message)?);
    Ok(())
}

/// A time as people and programs read it; a dash where there is none.
pub(super) fn time(at: Option<&ProtoTimestamp>) -> String {
    let millis = at.map(|at| at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos / 1_000_000)));
    millis.and_then(|millis| Timestamp::from_millis(millis).ok()).map_or("–".to_owned(), |at| at.to_string())
}

/// `SUBJECT_LOGGED_OUT` of `VERDICT_SUBJECT_LOGGED_OUT`.
pub(super) fn verdict(number: i32) -> &'static str {
    let name = pb::Verdict::try_from(number).unwrap_or_default().as_str_name();
    name.strip_prefix("VERDICT_").unwrap_or(name)
}

/// `user logout` of `LOGOUT_REASON_USER_LOGOUT`.
pub(super) fn reason(number: i32) -> String {
    let name = pb::LogoutReason::try_from(number).unwrap_or_default().as_str_name();
    name.strip_prefix("LOGOUT_REASON_").unwrap_or(name).replace('_', " ").to_lowercase()
}

/// `auth0-stream` of `EVENT_SOURCE_AUTH0_STREAM`.
pub(super) fn source(number: i32) -> String {
    let name = pb::EventSource::try_from(number).unwrap_or_default().as_str_name();
    name.strip_prefix("EVENT_SOURCE_").unwrap_or(name).replace('_', "-").to_lowercase()
}

/// A text from outside as a terminal may show it: on one line, and nothing that a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    if text.is_empty() {
        "–".to_owned()
    } else {
        text.chars().map(|c| if c.is_control() { '�' } else { c }).collect()
    }
}

/// What a logout covers, in words.
pub(super) fn scope(logout: &pb::Logout) -> String {
    use pb::logout::Scope;
    match &logout.scope {
        None => "–".to_owned(),
        Some(Scope::Subject(subject)) if subject.client_id.is_empty() => {
            format!("subject {} of {}", subject.subject, subject.issuer)
        }
        Some(Scope::Subject(subject)) => {
            format!("subject {} of {} at client {}", subject.subject, subject.issuer, subject.client_id)
        }
        Some(Scope::Session(session)) => format!("session {} of {}", session.session_id, session.issuer),
        Some(Scope::TokenId(token)) => format!("token {} of {}", token.jti, token.issuer),
        Some(Scope::Client(client)) => format!("client {} of {}", client.client_id, client.issuer),
        Some(Scope::Key(key)) => format!("signing key {} of {}", key.kid, key.issuer),
        Some(Scope::Issuer(issuer)) => format!("issuer {}", issuer.issuer),
    }
}

/// The rows that describe a logout.
pub(super) fn logout_rows(logout: &pb::Logout) -> Vec<(&'static str, String)> {
    let how = if logout.live { "live: stamped by Curfew" } else { "late: reported with its time" };
    vec![
        ("covers", scope(logout)),
        ("happened", time(logout.logout_time.as_ref())),
        ("recorded", format!("{} ({how})", time(logout.record_time.as_ref()))),
        ("reason", reason(logout.reason)),
        ("must authenticate after", time(logout.reauthenticate_after_time.as_ref())),
    ]
}
