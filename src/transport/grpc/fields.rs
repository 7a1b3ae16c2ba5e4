//! From a request's fields to the vocabulary: every outside string is checked here and named where it is at fault.

use crate::{
    domain::{ClientId, IdentifierError, KeyId, LogoutReason, SessionId, SubjectId, TokenId},
    service::{ServiceError, Target, TokenScope},
};

use super::pb::{self, record_logout_request as request};

/// The most audiences that one request may name.
const MOST_AUDIENCES: usize = 16;

/// The longest issuer or audience, in bytes.
const MOST_BYTES: usize = crate::domain::MAX_IDENTIFIER_BYTES;

/// An identifier that must be there.
pub(super) fn required<T>(
    field: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, IdentifierError>,
) -> Result<T, ServiceError> {
    parse(text).map_err(|error| ServiceError::identifier(field, error))
}

/// An identifier that may be left out.
pub(super) fn optional<T>(
    field: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, IdentifierError>,
) -> Result<Option<T>, ServiceError> {
    if text.is_empty() { Ok(None) } else { required(field, text, parse).map(Some) }
}

/// An issuer's `iss` or name, which may be left out.
pub(super) fn issuer(field: &str, text: String) -> Result<String, ServiceError> {
    at_most(field, text, MOST_BYTES)
}

/// A text that may be empty, but no longer than this.
pub(super) fn at_most(field: &str, text: String, most: usize) -> Result<String, ServiceError> {
    if text.len() > most {
        return Err(ServiceError::invalid(field, format!("is {} bytes long; at most {most} are allowed", text.len())));
    }
    Ok(text)
}

/// The audiences that a caller stands for.
pub(super) fn audiences(audiences: &[String]) -> Result<(), ServiceError> {
    if audiences.len() > MOST_AUDIENCES {
        let count = audiences.len();
        return Err(ServiceError::invalid("audiences", format!("are {count}; at most {MOST_AUDIENCES} may be named")));
    }
    for (index, audience) in audiences.iter().enumerate() {
        let field = || format!("audiences[{index}]");
        match audience.len() {
            0 => return Err(ServiceError::identifier(&field(), IdentifierError::Empty)),
            1..=MOST_BYTES => (),
            longer => return Err(ServiceError::identifier(&field(), IdentifierError::TooLong(longer))),
        }
    }
    Ok(())
}

/// Whose tokens a request is about.
pub(super) fn target(target: Option<request::Target>, token_scope: i32) -> Result<Target, ServiceError> {
    let scope = self::token_scope(token_scope)?;
    let Some(target) = target else {
        return Err(ServiceError::invalid(
            "target",
            "must be set: one of subject, session, token_id, client, key, issuer, token",
        ));
    };
    if scope.is_some() && !matches!(target, request::Target::Token(_)) {
        return Err(ServiceError::invalid("token_scope", "goes with the target token only"));
    }
    Ok(match target {
        request::Target::Subject(pb::Subject { issuer, subject, client_id }) => Target::Subject(
            self::issuer("subject.issuer", issuer)?,
            required("subject.subject", &subject, SubjectId::parse)?,
            optional("subject.client_id", &client_id, ClientId::parse)?,
        ),
        request::Target::Session(pb::Session { issuer, session_id, subject }) => Target::Session(
            self::issuer("session.issuer", issuer)?,
            required("session.session_id", &session_id, SessionId::parse)?,
            optional("session.subject", &subject, SubjectId::parse)?,
        ),
        request::Target::TokenId(pb::TokenId { issuer, jti }) => {
            Target::TokenId(self::issuer("token_id.issuer", issuer)?, required("token_id.jti", &jti, TokenId::parse)?)
        }
        request::Target::Client(pb::Client { issuer, client_id }) => Target::Client(
            self::issuer("client.issuer", issuer)?,
            required("client.client_id", &client_id, ClientId::parse)?,
        ),
        request::Target::Key(pb::Key { issuer, kid }) => {
            Target::Key(self::issuer("key.issuer", issuer)?, required("key.kid", &kid, KeyId::parse)?)
        }
        request::Target::Issuer(pb::Issuer { issuer }) => Target::Issuer(self::issuer("issuer.issuer", issuer)?),
        request::Target::Token(token) if token.is_empty() => {
            return Err(ServiceError::identifier("token", IdentifierError::Empty));
        }
        request::Target::Token(token) => Target::Token(token, scope.unwrap_or_default()),
    })
}

fn token_scope(number: i32) -> Result<Option<TokenScope>, ServiceError> {
    match pb::TokenScope::try_from(number) {
        Ok(pb::TokenScope::Unspecified) => Ok(None),
        Ok(pb::TokenScope::Subject) => Ok(Some(TokenScope::Subject)),
        Ok(pb::TokenScope::Session) => Ok(Some(TokenScope::Session)),
        Ok(pb::TokenScope::Token) => Ok(Some(TokenScope::Token)),
        Err(_) => Err(ServiceError::invalid("token_scope", format!("is {number}, which is not known"))),
    }
}

/// Why a logout is recorded.
pub(super) fn reason(number: i32) -> Result<LogoutReason, ServiceError> {
    Ok(match pb::LogoutReason::try_from(number) {
        Ok(pb::LogoutReason::Unspecified) => LogoutReason::Unspecified,
        Ok(pb::LogoutReason::UserLogout) => LogoutReason::UserLogout,
        Ok(pb::LogoutReason::ProviderLogout) => LogoutReason::ProviderLogout,
        Ok(pb::LogoutReason::Administrator) => LogoutReason::Administrator,
        Ok(pb::LogoutReason::CredentialChange) => LogoutReason::CredentialChange,
        Ok(pb::LogoutReason::Compromise) => LogoutReason::Compromise,
        Ok(pb::LogoutReason::AccountDisabled) => LogoutReason::AccountDisabled,
        Err(_) => return Err(ServiceError::invalid("reason", format!("is {number}, which is not known"))),
    })
}
