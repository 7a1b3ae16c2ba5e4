//! From the vocabulary to the messages.

use prost_types::{ListValue, Struct, Timestamp as ProtoTimestamp, Value as ProtoValue, value::Kind as ProtoKind};
use serde_json::{Map, Value};

use super::pb;
use crate::{
    domain::{Kind, LogoutReason, Record, Scope, Timestamp},
    service::{Answer, Decided, LastLogout, RecordedLogout},
    token::{Claims, Verdict},
};

pub(super) fn timestamp(at: Timestamp) -> ProtoTimestamp {
    let millis = at.as_millis();
    // Below 10^9 by the remainder.
    let nanos = i32::try_from(millis.rem_euclid(1000) * 1_000_000).unwrap_or_default();
    ProtoTimestamp { seconds: millis.div_euclid(1000), nanos }
}

pub(super) fn value(json: Value) -> ProtoValue {
    let kind = match json {
        Value::Null => ProtoKind::NullValue(0),
        Value::Bool(value) => ProtoKind::BoolValue(value),
        // Every JSON number that is read fits a double; without the library's big numbers this is never none.
        Value::Number(number) => ProtoKind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => ProtoKind::StringValue(text),
        Value::Array(items) => ProtoKind::ListValue(ListValue { values: items.into_iter().map(value).collect() }),
        Value::Object(members) => ProtoKind::StructValue(object(members)),
    };
    ProtoValue { kind: Some(kind) }
}

pub(super) fn object(members: Map<String, Value>) -> Struct {
    Struct { fields: members.into_iter().map(|(name, json)| (name, value(json))).collect() }
}

pub(super) const fn reason(reason: LogoutReason) -> pb::LogoutReason {
    match reason {
        LogoutReason::Unspecified => pb::LogoutReason::Unspecified,
        LogoutReason::UserLogout => pb::LogoutReason::UserLogout,
        LogoutReason::ProviderLogout => pb::LogoutReason::ProviderLogout,
        LogoutReason::Administrator => pb::LogoutReason::Administrator,
        LogoutReason::CredentialChange => pb::LogoutReason::CredentialChange,
        LogoutReason::Compromise => pb::LogoutReason::Compromise,
        LogoutReason::AccountDisabled => pb::LogoutReason::AccountDisabled,
    }
}

pub(super) const fn verdict(verdict: Verdict) -> pb::Verdict {
    match verdict {
        Verdict::Valid => pb::Verdict::Valid,
        Verdict::Malformed => pb::Verdict::Malformed,
        Verdict::UnknownIssuer => pb::Verdict::UnknownIssuer,
        Verdict::AlgorithmNotAllowed => pb::Verdict::AlgorithmNotAllowed,
        Verdict::UnknownKey => pb::Verdict::UnknownKey,
        Verdict::BadSignature => pb::Verdict::BadSignature,
        Verdict::MissingClaim => pb::Verdict::MissingClaim,
        Verdict::Expired => pb::Verdict::Expired,
        Verdict::NotYetValid => pb::Verdict::NotYetValid,
        Verdict::IssuedInFuture => pb::Verdict::IssuedInFuture,
        Verdict::WrongAudience => pb::Verdict::WrongAudience,
        Verdict::ImpossibleClaim => pb::Verdict::ImpossibleClaim,
        Verdict::LifetimeTooLong => pb::Verdict::LifetimeTooLong,
        Verdict::TokenRevoked => pb::Verdict::TokenRevoked,
        Verdict::SessionLoggedOut => pb::Verdict::SessionLoggedOut,
        Verdict::SubjectLoggedOut => pb::Verdict::SubjectLoggedOut,
        Verdict::ClientRevoked => pb::Verdict::ClientRevoked,
        Verdict::KeyRevoked => pb::Verdict::KeyRevoked,
        Verdict::IssuerRevoked => pb::Verdict::IssuerRevoked,
    }
}

fn scope(scope: &Scope) -> pb::logout::Scope {
    use pb::logout::Scope as Proto;
    let issuer = scope.issuer().to_string();
    match scope {
        Scope::Issuer(_) => Proto::Issuer(pb::Issuer { issuer }),
        Scope::Key(_, key) => Proto::Key(pb::Key { issuer, kid: key.to_string() }),
        Scope::Client(_, client) => Proto::Client(pb::Client { issuer, client_id: client.to_string() }),
        Scope::Subject(_, subject) => {
            Proto::Subject(pb::Subject { issuer, subject: subject.to_string(), client_id: String::new() })
        }
        Scope::SubjectAtClient(_, subject, client) => {
            Proto::Subject(pb::Subject { issuer, subject: subject.to_string(), client_id: client.to_string() })
        }
        Scope::Session(_, session) => {
            Proto::Session(pb::Session { issuer, session_id: session.to_string(), subject: String::new() })
        }
        Scope::Token(_, token) => Proto::TokenId(pb::TokenId { issuer, jti: token.to_string() }),
    }
}

/// The logout in force: the latest of its scope.
fn logout(of: &Scope, record: &Record) -> pb::Logout {
    let latest = record.cutoff.latest();
    let mark = latest.map(|(mark, _)| mark);
    pb::Logout {
        scope: Some(scope(of)),
        logout_time: mark.map(|mark| timestamp(mark.logout_time)),
        record_time: mark.map(|mark| timestamp(mark.record_time)),
        live: latest.is_some_and(|(_, kind)| kind == Kind::Live),
        reason: mark.map_or(pb::LogoutReason::Unspecified, |mark| reason(mark.reason)).into(),
        reauthenticate_after_time: record.cutoff.authentication.map(|mark| timestamp(mark.logout_time)),
    }
}

pub(super) fn recorded(recorded: &RecordedLogout) -> pb::RecordLogoutResponse {
    pb::RecordLogoutResponse {
        logout: Some(logout(&recorded.scope, &recorded.recorded.record)),
        revision: recorded.recorded.record.revision.0,
        advanced: recorded.recorded.advanced,
    }
}

pub(super) fn last_logout(last: LastLogout) -> pb::GetLastLogoutResponse {
    pb::GetLastLogoutResponse {
        last_logout_time: last.mark.map(|mark| timestamp(mark.logout_time)),
        claim_value: Some(value(last.claim_value)),
        reason: last.mark.map_or(pb::LogoutReason::Unspecified, |mark| reason(mark.reason)).into(),
        revision: last.revision.0,
    }
}

pub(super) fn answer(answer: Answer) -> pb::ValidateTokenResponse {
    let (verdict, detail) = match &answer.decision {
        Ok(_) => (Verdict::Valid, "The token is honoured.".to_owned()),
        Err(refusal) => (refusal.verdict(), refusal.to_string()),
    };
    pb::ValidateTokenResponse {
        valid: verdict == Verdict::Valid,
        verdict: self::verdict(verdict).into(),
        detail,
        token: answer.verified.as_deref().map(|verified| token(&verified.token.claims)),
        claims: answer.payload.map(object),
        last_logout_time: answer.last_logout.map(timestamp),
        revision: answer.revision.0,
        logout: answer.decided.map(|Decided { scope, record }| logout(&scope, &record)),
    }
}

pub(super) fn token(claims: &Claims) -> pb::TokenInfo {
    pb::TokenInfo {
        issuer: claims.issuer.to_string(),
        subject: claims.subject.as_ref().map(ToString::to_string).unwrap_or_default(),
        session_id: claims.session_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        jti: claims.token_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        client_id: claims.client_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        issue_time: claims.issued_at.map(|date| timestamp(date.0)),
        expire_time: claims.expires.map(|date| timestamp(date.0)),
    }
}
