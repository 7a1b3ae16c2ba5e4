//! Global Token Revocation (draft-parecki-oauth-global-token-revocation-06): an identity provider asks for all tokens of a
//! user to be revoked, and the user to authenticate again. Okta calls it Universal Logout.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    ConfiguredIssuer, Curfew, GlobalTokenRevocation, LogoutRequest, Outcome, RecordedLogout, ServiceError, Target,
    single_use::NotTakenOnce,
};
use crate::{
    domain::{LogoutReason, Source, SubjectId, TokenId},
    store::StoreError,
    token::{
        CallerFault, Claims, Compact, EventTarget, NoTarget, Refusal, RevocationCaller, SubjectIdentifier,
        parse_object, shown, signed_by,
    },
};

/// Why a request changed nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotAllRevoked {
    /// The caller does not show who it is, or not by a token that is good for this request.
    #[error("{0}")]
    Unauthenticated(String),
    /// The request names nobody, or not in a way that is understood.
    #[error("{0}")]
    Unfit(String),
    /// The user is not the caller's.
    #[error("{0}")]
    Forbidden(String),
    /// The request is good, or may be.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<Refusal> for NotAllRevoked {
    fn from(refusal: Refusal) -> Self {
        Self::Unauthenticated(refusal.to_string())
    }
}

impl From<CallerFault> for NotAllRevoked {
    fn from(fault: CallerFault) -> Self {
        Self::Unauthenticated(fault.to_string())
    }
}

/// A caller who is let in for this request.
struct LetIn<'a> {
    issuer: &'a Arc<ConfiguredIssuer>,
    rules: &'a GlobalTokenRevocation,
    token_id: TokenId,
}

impl Curfew {
    /// Revokes all tokens of the user that the body of a request names; returns when that is durable. `raw_token` is what
    /// the caller shows to say who it is.
    ///
    /// # Errors
    /// [`NotAllRevoked`].
    pub async fn global_token_revocation(
        &self,
        raw_token: Option<&str>,
        body: &[u8],
    ) -> Result<RecordedLogout, NotAllRevoked> {
        let revoked = self.revoke_all(raw_token, body).await;
        let outcome = match &revoked {
            Ok(_) => Outcome::Recorded,
            Err(NotAllRevoked::Failed(error)) if !error.is_the_request_s() => Outcome::Failed,
            Err(_) => Outcome::Refused,
        };
        self.metrics.event(Source::GlobalTokenRevocation, outcome, self.clock.now());
        revoked
    }

    async fn revoke_all(&self, raw_token: Option<&str>, body: &[u8]) -> Result<RecordedLogout, NotAllRevoked> {
        let raw_token = raw_token.ok_or_else(|| {
            NotAllRevoked::Unauthenticated("There is no bearer token in the header Authorization.".to_owned())
        })?;
        let caller = self.let_in(raw_token).await?;
        let iss = &caller.issuer.rules.issuer;
        let user = named_user(body, caller.rules)?;
        let recorded = self
            .record_logout(LogoutRequest {
                target: Target::Subject(iss.as_str().to_owned(), user, None),
                // From now on, whatever the caller's clock says.
                logout_time: None,
                reason: LogoutReason::Administrator,
                source: Source::GlobalTokenRevocation,
                // Section 3.3: the user must authenticate again.
                reauthenticate: Some(true),
                // The identity provider does not log anybody in because we answer.
                settle: Some(false),
            })
            .await;
        if recorded.as_ref().is_err_and(|error| !error.is_the_request_s()) {
            self.callers_seen.give_back(iss, &caller.token_id);
        }
        Ok(recorded?)
    }

    /// Section 3.5: who calls. What a caller shows is good for one request.
    async fn let_in(&self, raw_token: &str) -> Result<LetIn<'_>, NotAllRevoked> {
        let compact = Compact::parse(raw_token).map_err(Refusal::Malformed)?;
        let iss = compact.claimed_issuer()?;
        let issuer =
            self.issuers.by_iss(iss).ok_or_else(|| Refusal::UnknownIssuer(shown(iss), self.issuers.listed()))?;
        let Some(rules) = &issuer.elsewhere.global_token_revocation else {
            return Err(NotAllRevoked::Unauthenticated(format!(
                "Issuer {} has no [issuer.global_token_revocation] in the configuration: its requests are not taken.",
                issuer.name
            )));
        };
        let now = self.clock.now();
        let signed = |keys: &_| signed_by(&compact, &rules.signer, keys).map(|key| key.id().cloned());
        let (key, _) = self.with_keys(issuer, now, signed).await??;
        let claims = Claims::read(&compact.payload, &rules.signer)?;
        let RevocationCaller { token_id, ends } = RevocationCaller::read(&compact, &claims, &rules.callers, now)?;
        self.check_key(key, &claims, &rules.signer)?;
        match self.callers_seen.take(&rules.signer.issuer, &token_id, ends, now) {
            Ok(()) => Ok(LetIn { issuer, rules, token_id }),
            Err(NotTakenOnce::Used) => Err(NotAllRevoked::Unauthenticated(
                "The caller's token was used before; it is good for one request.".to_owned(),
            )),
            Err(NotTakenOnce::Full) => Err(ServiceError::Overloaded(StoreError::Overloaded).into()),
        }
    }
}

/// Section 3.2: an object with `sub_id` and nothing else.
fn named_user(body: &[u8], rules: &GlobalTokenRevocation) -> Result<SubjectId, NotAllRevoked> {
    let unfit = |why: String| NotAllRevoked::Unfit(why);
    let body = parse_object(body).map_err(|error| unfit(format!("The body is not acceptable JSON: {error}.")))?;
    let value = only_member(&body, rules.legacy_subject)?;
    let identifier = SubjectIdentifier::read(value, "sub_id", false)
        .map_err(|fault| unfit(format!("The subject cannot be read: {fault}.")))?;
    match rules.subjects.named(&identifier) {
        Ok(EventTarget::Subject(subject)) => Ok(subject),
        Ok(EventTarget::Session(..) | EventTarget::Token(_)) => Err(unfit("The subject is not a user.".to_owned())),
        Err(NoTarget::Foreign(why)) => Err(NotAllRevoked::Forbidden(format!("The subject {why}."))),
        Err(NoTarget::Unclear(why) | NoTarget::Critical(why)) => Err(unfit(format!("The subject {why}."))),
    }
}

fn only_member(body: &Map<String, Value>, legacy: bool) -> Result<&Value, NotAllRevoked> {
    let mut members = body.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) if name == "sub_id" || legacy && name == "subject" => Ok(value),
        _ => Err(NotAllRevoked::Unfit("The body must be an object with the member sub_id and no other.".to_owned())),
    }
}
