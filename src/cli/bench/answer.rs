//! Judges answers: whether a call was answered at all, and whether the answer is the right one.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use prost::{Message, bytes::Bytes};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{
    brief::{StreamOutcome, TokenAnswer},
    requests::{Asked, FRAME_HEADER},
    wire::Reply,
};
use crate::transport::grpc::pb::{self, Verdict, logout::Scope};

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is as it must be; on a token, with this verdict.
    Right(Option<Verdict>),
    /// The status is OK, but not what it came with.
    Wrong(Option<Verdict>, String),
    /// There is no answer but an error.
    Failed(Failed),
}

/// An error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// The name of the status code, or of what happened in place of a status.
    pub(super) code: &'static str,
    /// The reason, as `google.rpc.ErrorInfo` has it. Empty: none.
    pub(super) reason: String,
    pub(super) message: String,
    /// When to try again.
    pub(super) retry: Option<Duration>,
}

/// The code of a call that was refused because there is too much to do.
pub(super) const REFUSED: &str = "RESOURCE_EXHAUSTED";

/// What is wanted of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The verdict on every token.
    pub(super) verdict: Option<Verdict>,
    /// The length of another method's answers; 0: any.
    pub(super) raw_bytes: usize,
}

impl Failed {
    /// Something that happened in place of a status.
    pub(super) fn of(code: &'static str, message: String) -> Self {
        Self { code, reason: String::new(), message, retry: None }
    }

    /// Whether the service asks to be left alone for a while.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.retry.filter(|_| matches!(self.code, REFUSED | "UNAVAILABLE"))
    }
}

/// Judges the answer to a unary call.
pub(super) fn judge(asked: &Asked<'_>, reply: &Reply, wanted: Wanted) -> Answer {
    if let Some(failed) = failure(reply.http, &reply.head, reply.trailers.as_ref()) {
        return Answer::Failed(failed);
    }
    match message(&reply.body) {
        Ok(message) => right(asked, message, wanted),
        Err(what) => Answer::Wrong(None, what.to_owned()),
    }
}

/// The error in the heads of a response, if there is one. The status is in the trailers, or in the head where that is all
/// there is.
pub(super) fn failure(http: StatusCode, head: &HeaderMap, trailers: Option<&HeaderMap>) -> Option<Failed> {
    if http != StatusCode::OK {
        let reason = http.as_str().to_owned();
        return Some(Failed {
            reason,
            ..Failed::of("HTTP_STATUS", format!("the answer is HTTP {http}: no gRPC service"))
        });
    }
    let last = trailers.unwrap_or(head);
    match last.get("grpc-status").map(http::HeaderValue::as_bytes) {
        Some(b"0") => None,
        Some(_) => Some(Status::from_header_map(last).map_or_else(no_status, |status| of_status(&status))),
        None => Some(no_status()),
    }
}

fn no_status() -> Failed {
    Failed::of("NO_STATUS", "the answer ends without a gRPC status".to_owned())
}

fn of_status(status: &Status) -> Failed {
    let details = status.get_error_details();
    Failed {
        code: code(status.code()),
        reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
        message: status.message().to_owned(),
        retry: details.retry_info().and_then(|info| info.retry_delay),
    }
}

/// The one message of a unary answer.
fn message(body: &Bytes) -> Result<Bytes, &'static str> {
    let Some((header, message)) = body.split_first_chunk::<FRAME_HEADER>() else {
        return Err("the status is OK, but there is no message");
    };
    let [compressed, length @ ..] = *header;
    if compressed != 0 {
        return Err("the message is compressed, which nobody asked for");
    }
    if usize::try_from(u32::from_be_bytes(length)) != Ok(message.len()) {
        return Err("the message is not as long as it says");
    }
    Ok(body.slice(FRAME_HEADER..))
}

fn right(asked: &Asked<'_>, message: Bytes, wanted: Wanted) -> Answer {
    let fit = |fit: bool, what: &str| if fit { Answer::Right(None) } else { Answer::Wrong(None, what.to_owned()) };
    let unreadable = |error: prost::DecodeError| Answer::Wrong(None, error.to_string());
    match asked {
        Asked::Token(subject) => match TokenAnswer::decode(message) {
            Ok(response) => verdict(*subject, &response, wanted),
            Err(error) => unreadable(error),
        },
        Asked::Logout(subject, _) => match pb::RecordLogoutResponse::decode(message) {
            Ok(response) => {
                let scope = response.logout.and_then(|logout| logout.scope);
                let its = matches!(&scope, Some(Scope::Subject(found)) if found.subject == *subject);
                fit(its && response.revision > 0, "the logout in the answer is not the one recorded")
            }
            Err(error) => unreadable(error),
        },
        Asked::LastLogout(known) => match pb::GetLastLogoutResponse::decode(message) {
            Ok(response) => {
                fit(!known || response.last_logout_time.is_some(), "an acknowledged logout is not in the answer")
            }
            Err(error) => unreadable(error),
        },
        Asked::Raw => {
            let fits = wanted.raw_bytes == 0 || message.len() == wanted.raw_bytes;
            if fits {
                Answer::Right(None)
            } else {
                Answer::Wrong(None, format!("the answer has {} bytes", message.len()))
            }
        }
    }
}

/// Judges what is said of a token.
fn verdict(subject: Option<&str>, response: &TokenAnswer, wanted: Wanted) -> Answer {
    let verdict = Verdict::try_from(response.verdict).unwrap_or_default();
    let wrong = |what: String| Answer::Wrong(Some(verdict), what);
    if verdict == Verdict::Unspecified || response.valid != (verdict == Verdict::Valid) {
        return wrong(format!("verdict {} with valid = {}", response.verdict, response.valid));
    }
    if let (Some(subject), Some(token)) = (subject, &response.token)
        && token.subject != subject.as_bytes()
    {
        let about = String::from_utf8_lossy(&token.subject);
        return wrong(format!("the answer is about {about}, the token is of {subject}"));
    }
    match wanted.verdict {
        Some(wanted) if wanted != verdict => wrong(String::from_utf8_lossy(&response.detail).into_owned()),
        _ => Answer::Right(Some(verdict)),
    }
}

/// Judges one answer on a stream.
pub(super) fn outcome(subject: Option<&str>, outcome: Option<StreamOutcome>, wanted: Wanted) -> Answer {
    match outcome {
        Some(StreamOutcome::Response(response)) => verdict(subject, &response, wanted),
        Some(StreamOutcome::Error(error)) => Answer::Failed(Failed {
            code: code(Code::from(error.code)),
            reason: error.reason,
            message: error.message,
            retry: error.retry_delay.and_then(|delay| delay.try_into().ok()),
        }),
        None => Answer::Wrong(None, "an answer on the stream is empty".to_owned()),
    }
}

/// The name of a status code, as the specification writes it.
const fn code(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => REFUSED,
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
