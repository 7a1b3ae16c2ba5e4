//! OpenID Connect Back-Channel Logout 1.0: the identity provider says that somebody logged out there.

use super::{Curfew, LogoutRequest, Outcome, RecordedLogout, ServiceError, Target, event_time::heard_at};
use crate::{
    domain::{LogoutReason, Source},
    token::{Claims, Compact, LogoutToken, LogoutTokenFault, Refusal, shown, signed_by},
};

/// What came of a logout token.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// The logout is recorded, and durable.
    Recorded(RecordedLogout),
    /// It had come before, and was recorded then.
    Again,
}

/// Why a logout token changed nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotHeard {
    /// It is no good, and will not be when it is sent again.
    #[error("{0}")]
    Unfit(LogoutTokenFault),
    /// Its issuer's are not taken.
    #[error("Issuer {0} has no [issuer.backchannel_logout] in the configuration: its logout tokens are not taken.")]
    NotConfigured(String),
    /// It is good, or may be.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<LogoutTokenFault> for NotHeard {
    fn from(fault: LogoutTokenFault) -> Self {
        Self::Unfit(fault)
    }
}

impl From<Refusal> for NotHeard {
    fn from(refusal: Refusal) -> Self {
        Self::Unfit(refusal.into())
    }
}

impl Curfew {
    /// Takes a logout token; returns when what it says is durable. A token of a session ends that session, any other its
    /// subject's (section 2.7; see [`Curfew::record_logout`] for issuers whose tokens carry no session).
    ///
    /// # Errors
    /// [`NotHeard`].
    pub async fn backchannel_logout(&self, raw_token: &str) -> Result<Heard, NotHeard> {
        let heard = self.hear_logout_token(raw_token).await;
        let outcome = match &heard {
            Ok(Heard::Recorded(_)) => Outcome::Recorded,
            Ok(Heard::Again) => Outcome::Again,
            Err(NotHeard::Failed(error)) if !error.is_the_request_s() => Outcome::Failed,
            Err(NotHeard::Unfit(_) | NotHeard::NotConfigured(_) | NotHeard::Failed(_)) => Outcome::Refused,
        };
        self.metrics.event(Source::BackchannelLogout, outcome, self.clock.now());
        heard
    }

    async fn hear_logout_token(&self, raw_token: &str) -> Result<Heard, NotHeard> {
        let compact = Compact::parse(raw_token).map_err(Refusal::Malformed)?;
        let iss = compact.claimed_issuer()?;
        let issuer =
            self.issuers.by_iss(iss).ok_or_else(|| Refusal::UnknownIssuer(shown(iss), self.issuers.listed()))?;
        let Some(rules) = &issuer.elsewhere.backchannel_logout else {
            return Err(NotHeard::NotConfigured(issuer.name.clone()));
        };
        let now = self.clock.now();
        let signed = |keys: &_| signed_by(&compact, &issuer.rules, keys).map(|key| key.id().cloned());
        let (key, _) = self.with_keys(issuer, now, signed).await??;
        let claims = Claims::read(&compact.payload, &issuer.rules)?;
        let token = LogoutToken::read(&compact, &claims, &issuer.rules, rules, now)?;
        self.check_key(key, &claims, &issuer.rules)?;
        if self.replays.has(&issuer.rules.issuer, &token.token_id, now) {
            return Ok(Heard::Again);
        }
        let LogoutToken { subject, session, issued_at, token_id, ends } = token;
        let iss = issuer.rules.issuer.as_str().to_owned();
        let target = match (session, subject) {
            (Some(session), subject) => Target::Session(iss, session, subject),
            (None, Some(subject)) => Target::Subject(iss, subject, None),
            (None, None) => return Err(LogoutTokenFault::Nobody.into()),
        };
        let recorded = self
            .record_logout(LogoutRequest {
                target,
                logout_time: Some(heard_at(issued_at, now)),
                reason: LogoutReason::ProviderLogout,
                source: Source::BackchannelLogout,
                reauthenticate: None,
                // The provider does not log anybody in because we answer.
                settle: Some(false),
            })
            .await?;
        self.replays.remember(issuer.rules.issuer.clone(), token_id, ends);
        Ok(Heard::Recorded(recorded))
    }
}
