//! OAuth 2.0 Token Revocation (RFC 7009): whoever has a token may end it.
//!
//! That it was done may be said only where the token is dead: its logout is durable, or nobody will ever honour it. What
//! is refused is refused for what the token says of itself, whoever signed it, so that a refusal tells nothing about it.

use super::{ConfiguredIssuer, Curfew, LogoutRequest, Outcome, RecordedLogout, ServiceError, Target, TokenScope};
use crate::{
    domain::{LogoutReason, Source, Timestamp},
    token::{Claims, Compact, NumericDate, Refusal},
};

/// What came of a token that was to be revoked.
#[derive(Debug, Clone, PartialEq)]
pub enum Revoked {
    /// Its logout is recorded, and durable.
    Recorded(RecordedLogout),
    /// Nobody honours it, now or later.
    Nothing,
}

/// Why a token was not revoked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotRevoked {
    /// It says that it was issued to another client than the one that asks (section 2.1).
    #[error("the token was issued to another client")]
    AnotherClient,
    /// What is to end with it, it does not name; something else must not end instead.
    #[error("the token has no {0}, and so cannot be revoked by it; see [issuer.token_revocation] in the configuration")]
    Lacks(&'static str),
    /// It is not honoured, but may be later.
    #[error("the token could not be revoked, for it is not honoured yet, and may be later: {0}")]
    MayYetHold(Box<Refusal>),
    /// It may be good, or is.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

/// What a token says of itself. Nobody has confirmed it.
struct Said<'a> {
    issuer: &'a ConfiguredIssuer,
    claims: Claims,
}

impl Curfew {
    /// Ends a token, and what the issuer is configured to let end with it; returns when that is durable. `client` is who
    /// asks, where that was said: the token must not name another one.
    ///
    /// # Errors
    /// [`NotRevoked`].
    pub async fn revoke_token(&self, raw_token: &str, client: Option<&str>) -> Result<Revoked, NotRevoked> {
        let revoked = self.end(raw_token, client).await;
        let outcome = match &revoked {
            Ok(Revoked::Recorded(_)) => Outcome::Recorded,
            Ok(Revoked::Nothing) | Err(NotRevoked::AnotherClient | NotRevoked::Lacks(_)) => Outcome::Refused,
            Err(NotRevoked::Failed(error)) if error.is_the_request_s() => Outcome::Refused,
            Err(NotRevoked::MayYetHold(_) | NotRevoked::Failed(_)) => Outcome::Failed,
        };
        self.metrics.event(Source::TokenRevocation, outcome, self.clock.now());
        revoked
    }

    async fn end(&self, raw_token: &str, client: Option<&str>) -> Result<Revoked, NotRevoked> {
        let Some(said) = self.said(raw_token) else { return Ok(Revoked::Nothing) };
        if client.zip(said.claims.client_id.as_ref()).is_some_and(|(asks, named)| asks != named.as_str()) {
            return Err(NotRevoked::AnotherClient);
        }
        let scope = said.issuer.elsewhere.token_revocation.unwrap_or(TokenScope::Token);
        if let Some(name) = said.lacks(scope) {
            return Err(NotRevoked::Lacks(name));
        }
        let recorded = self
            .record_logout(LogoutRequest {
                target: Target::Token(raw_token.to_owned(), scope),
                logout_time: None,
                reason: LogoutReason::UserLogout,
                source: Source::TokenRevocation,
                reauthenticate: None,
                // A token and a session are not used again; only a subject's next login can be too close.
                settle: if scope == TokenScope::Subject { None } else { Some(false) },
            })
            .await;
        match recorded {
            Ok(recorded) => Ok(Revoked::Recorded(recorded)),
            Err(ServiceError::TokenNotFit(refusal)) if said.may_yet_hold(&refusal, self.clock.now()) => {
                Err(NotRevoked::MayYetHold(refusal))
            }
            Err(ServiceError::TokenNotFit(_)) => Ok(Revoked::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// What a token says of itself. None: it is none of a configured issuer's, and nobody honours it here.
    fn said(&self, raw_token: &str) -> Option<Said<'_>> {
        let compact = Compact::parse(raw_token).ok()?;
        let issuer = self.issuers.by_iss(compact.claimed_issuer().ok()?)?;
        let claims = Claims::read(&compact.payload, &issuer.rules).ok()?;
        Some(Said { issuer, claims })
    }
}

impl Said<'_> {
    /// The claim that it has not, by which it would have to be ended.
    fn lacks(&self, scope: TokenScope) -> Option<&'static str> {
        match scope {
            TokenScope::Token if self.claims.token_id.is_none() => Some("jti"),
            TokenScope::Session if self.claims.session_id.is_none() => Some("session id"),
            // Without `sub` nobody honours it.
            TokenScope::Token | TokenScope::Session | TokenScope::Subject => None,
        }
    }

    /// Whether it may come to be honoured although it was refused now: its time is to come, or the issuer has a new key
    /// that could not be fetched. One whose own words say that it has expired never is, whoever signed it.
    fn may_yet_hold(&self, refusal: &Refusal, now: Timestamp) -> bool {
        let (rules, expires) = (&self.issuer.rules, self.claims.expires);
        if expires.is_none_or(|NumericDate(expires)| expires.plus(rules.leeway) <= now) {
            return false;
        }
        match refusal {
            Refusal::NotYetValid(_) | Refusal::IssuedInFuture(..) => true,
            Refusal::UnknownKey(..) => !self.issuer.keys.are_complete(now),
            Refusal::Malformed(_)
            | Refusal::UnknownIssuer(..)
            | Refusal::AlgorithmNotAllowed(..)
            | Refusal::BadSignature(_)
            | Refusal::MissingClaim(_)
            | Refusal::Expired(_)
            | Refusal::WrongAudience(..)
            | Refusal::ImpossibleClaim(_)
            | Refusal::LifetimeTooLong(..)
            | Refusal::LoggedOut(_) => false,
        }
    }
}
