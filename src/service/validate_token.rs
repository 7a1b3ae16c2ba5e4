//! `ValidateToken`: verify, look up every logout that covers the token, decide.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{ConfiguredIssuer, Curfew, ServiceError, Verified};
use crate::{
    domain::{Instants, Record, Revision, Scope, ScopeKind, Timestamp},
    store::Fingerprint,
    token::{
        Compact, Cutoffs, KeySet, KeySource, LoggedOut, Refusal, Standing, VerifiedToken, fit, shown, standing, verify,
    },
};

/// A token to be decided on.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    /// The token. Only its text can have been verified before, so that known ones are found without looking whether it is
    /// text.
    pub raw_token: &'a [u8],
    /// The audiences that the caller stands for; none: any configured one will do.
    pub audiences: &'a [String],
    /// What the answer must include.
    pub min_revision: Revision,
    /// Whether to answer with everything that the token says.
    pub include_claims: bool,
}

/// The answer on a token.
#[derive(Debug)]
pub struct Answer {
    /// Whether it is honoured, or the one reason why not.
    pub decision: Result<Standing, Refusal>,
    /// What it says and who says so, if its signature holds.
    pub verified: Option<Arc<Verified>>,
    /// Everything that it says, likewise, and if asked for.
    pub payload: Option<Map<String, Value>>,
    /// When its subject last logged out, if it came to that.
    pub last_logout: Option<Timestamp>,
    /// The logout that decided, where one did and the store can be read.
    pub decided: Option<Decided>,
    /// What the answer includes.
    pub revision: Revision,
}

/// The logout that decided.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What it covers.
    pub scope: Scope,
    /// All that is known of that scope.
    pub record: Record,
}

/// A token that did not get as far as its claims, and the issuer that it names.
pub(super) type Unverified = (Refusal, Option<Arc<ConfiguredIssuer>>);

impl Curfew {
    /// Decides whether a token is to be honoured now.
    ///
    /// # Errors
    /// [`ServiceError`] when that cannot be decided: the token must not be honoured.
    pub async fn validate_token(&self, request: &TokenRequest<'_>) -> Result<Answer, ServiceError> {
        match self.validate_at_once(request) {
            Some(answered) => answered,
            // Boxed: what a new token needs on its way must not make every call's future large.
            None => Box::pin(self.validate_new(request)).await,
        }
    }

    /// The same for a token that was verified before, where there is nothing to wait for. None: there is.
    ///
    /// # Errors
    /// As [`Curfew::validate_token`].
    pub fn validate_at_once(&self, request: &TokenRequest<'_>) -> Option<Result<Answer, ServiceError>> {
        let revision = self.store.revision();
        if revision < request.min_revision {
            return None;
        }
        let now = self.clock.now();
        match self.seen_before(request.raw_token, now) {
            Ok(None) => None,
            Ok(Some(verified)) => Some(Ok(self.answer(request, verified, true, revision, now))),
            Err(error) => Some(Err(error)),
        }
    }

    async fn validate_new(&self, request: &TokenRequest<'_>) -> Result<Answer, ServiceError> {
        let revision = self.reach(request.min_revision).await?;
        let now = self.clock.now();
        let raw_token = str::from_utf8(request.raw_token)
            .map_err(|_| ServiceError::invalid("token", "cannot be read: it is not UTF-8 encoded"))?;
        match self.verified(raw_token, now).await? {
            Ok(verified) => Ok(self.answer(request, Arc::new(verified), false, revision, now)),
            Err((refusal, issuer)) => {
                self.report(issuer.as_ref(), Err(&refusal));
                Ok(Answer::unverified(refusal, revision))
            }
        }
    }

    /// The answer on a verified token, which may have been `seen` before.
    fn answer(
        &self,
        request: &TokenRequest<'_>,
        verified: Arc<Verified>,
        seen: bool,
        revision: Revision,
        now: Timestamp,
    ) -> Answer {
        let (decision, last_logout) = self.judge(&verified, request.audiences, now);
        self.report(Some(&verified.issuer), decision.as_ref());
        self.remember(request.raw_token, &verified, seen, decision.as_ref().err());
        Answer {
            last_logout,
            payload: if request.include_claims { payload(request.raw_token) } else { None },
            decided: match &decision {
                Err(Refusal::LoggedOut(LoggedOut { scope, .. })) => self.decided(&verified.token, *scope),
                _ => None,
            },
            decision,
            verified: Some(verified),
            revision,
        }
    }

    /// The token, if its signature was verified before with keys that are still the issuer's.
    fn seen_before(&self, raw_token: &[u8], now: Timestamp) -> Result<Option<Arc<Verified>>, ServiceError> {
        let Some(verified) = self.tokens.get(raw_token) else { return Ok(None) };
        let still = verified.issuer.keys.is_current(&verified.keys, now)?;
        Ok(still.then_some(verified))
    }

    /// Keeps a token whose signature need not be verified again. What can never be honoured (again) is not worth the room,
    /// and a revoked key's tokens are to leave no trace.
    fn remember(&self, raw_token: &[u8], verified: &Arc<Verified>, seen: bool, refusal: Option<&Refusal>) {
        let worth_it = match refusal {
            None | Some(Refusal::WrongAudience(..) | Refusal::NotYetValid(_) | Refusal::IssuedInFuture(..)) => true,
            Some(Refusal::LoggedOut(LoggedOut { scope, .. })) => *scope != ScopeKind::Key,
            Some(_) => false,
        };
        match (seen, worth_it) {
            (false, true) => self.tokens.insert(raw_token, verified),
            (true, false) => self.tokens.remove(raw_token),
            (false, false) | (true, true) => (),
        }
    }

    /// Verifies a token with the keys of the issuer that it names.
    pub(super) async fn verified(
        &self,
        raw_token: &str,
        now: Timestamp,
    ) -> Result<Result<Verified, Unverified>, ServiceError> {
        let compact = match Compact::parse(raw_token) {
            Ok(compact) => compact,
            Err(fault) => return Ok(Err((Refusal::Malformed(fault), None))),
        };
        let issuer = match compact.claimed_issuer() {
            Ok(iss) => match self.issuers.by_iss(iss) {
                Some(issuer) => Arc::clone(issuer),
                None => return Ok(Err((Refusal::UnknownIssuer(shown(iss), self.issuers.listed()), None))),
            },
            Err(refusal) => return Ok(Err((refusal, None))),
        };
        let verified = self.with_keys(&issuer, now, |keys| verify(&compact, &issuer.rules, keys)).await?;
        Ok(match verified {
            Ok((token, keys)) => {
                Ok(Verified { scopes: self.fingerprints(&token), written: Default::default(), issuer, token, keys })
            }
            Err(refusal) => Err((refusal, Some(issuer))),
        })
    }

    /// Verifies something with an issuer's keys; where the key is not among them, once more with those that there are by
    /// then. Also returns the keys.
    pub(super) async fn with_keys<T>(
        &self,
        issuer: &ConfiguredIssuer,
        now: Timestamp,
        verify: impl Fn(&KeySet) -> Result<T, Refusal>,
    ) -> Result<Result<(T, Arc<KeySet>), Refusal>, ServiceError> {
        self.with_keys_of(&issuer.keys, now, verify).await
    }

    /// The same with the keys of whoever has them.
    pub(super) async fn with_keys_of<T>(
        &self,
        source: &Arc<dyn KeySource>,
        now: Timestamp,
        verify: impl Fn(&KeySet) -> Result<T, Refusal>,
    ) -> Result<Result<(T, Arc<KeySet>), Refusal>, ServiceError> {
        let mut keys = source.current(now)?;
        let mut verified = verify(&keys);
        if matches!(verified, Err(Refusal::UnknownKey(..))) {
            source.look_again().await;
            keys = source.current(self.clock.now())?;
            verified = verify(&keys);
        }
        Ok(verified.map(|verified| (verified, keys)))
    }

    /// Decides on a verified token; also tells when its subject last logged out, if it came to that.
    fn judge(
        &self,
        verified: &Verified,
        audiences: &[String],
        now: Timestamp,
    ) -> (Result<Standing, Refusal>, Option<Timestamp>) {
        let (claims, rules) = (&verified.token.claims, &verified.issuer.rules);
        if let Err(refusal) = fit(claims, rules, audiences, now) {
            return (Err(refusal), None);
        }
        let [token, session, subject, subject_at_client, client, key, issuer] =
            self.store.view().look_up(verified.scopes);
        let cutoffs = Cutoffs { token, session, subject, subject_at_client, client, key, issuer };
        (standing(claims, &cutoffs, rules), cutoffs.last_logout())
    }

    /// What the scopes that cover a token are found by, in the order of [`Cutoffs`].
    fn fingerprints(&self, token: &VerifiedToken) -> [Option<Fingerprint>; 7] {
        [
            ScopeKind::Token,
            ScopeKind::Session,
            ScopeKind::Subject,
            ScopeKind::SubjectAtClient,
            ScopeKind::Client,
            ScopeKind::Key,
            ScopeKind::Issuer,
        ]
        .map(|kind| scope(token, kind).map(|scope| self.store.view().fingerprint(&scope)))
    }

    /// The instants of one scope's cutoff.
    pub(super) fn instants(&self, scope: &Scope) -> Instants {
        let [found] = self.store.view().look_up([Some(self.store.view().fingerprint(scope))]);
        found
    }

    /// Counts a decision, and writes it to the log: what an operator should know at once as a warning, the rest for those
    /// who look.
    fn report(&self, issuer: Option<&Arc<ConfiguredIssuer>>, decision: Result<&Standing, &Refusal>) {
        let number = |issuer| self.issuers.all().iter().position(|other| Arc::ptr_eq(other, issuer));
        self.tally.decision(issuer.and_then(number), decision);
        let issuer = issuer.map_or("", |issuer| issuer.name.as_str());
        match decision {
            Ok(Standing { claim_ahead: true }) => tracing::warn!(
                issuer,
                "a token's last-logout claim is later than any logout known here: was a record lost, or a backup restored?"
            ),
            Ok(Standing { claim_ahead: false }) => tracing::debug!(issuer, verdict = "Valid", "token checked"),
            Err(refusal) => tracing::debug!(
                issuer, verdict = ?refusal.verdict(), ambiguous = refusal.is_ambiguous(), "token checked"
            ),
        }
    }

    /// All that is known of the scope that decided. The verdict stands without it, where the disk cannot be read.
    fn decided(&self, token: &VerifiedToken, kind: ScopeKind) -> Option<Decided> {
        let scope = scope(token, kind)?;
        let record = self.store.get(&scope).ok().flatten()?;
        Some(Decided { scope, record })
    }
}

/// Everything that a token says whose form was found good before.
fn payload(raw_token: &[u8]) -> Option<Map<String, Value>> {
    Compact::parse(str::from_utf8(raw_token).ok()?).ok().map(|compact| compact.payload)
}

impl Answer {
    fn unverified(refusal: Refusal, revision: Revision) -> Self {
        Self { decision: Err(refusal), verified: None, payload: None, last_logout: None, decided: None, revision }
    }
}

/// The scope of each kind that covers a token; none where the token does not name it.
fn scope(token: &VerifiedToken, kind: ScopeKind) -> Option<Scope> {
    let claims = &token.claims;
    let issuer = claims.issuer.clone();
    match kind {
        ScopeKind::Token => Some(Scope::Token(issuer, claims.token_id.clone()?)),
        ScopeKind::Session => Some(Scope::Session(issuer, claims.session_id.clone()?)),
        ScopeKind::Subject => Some(Scope::Subject(issuer, claims.subject.clone()?)),
        ScopeKind::SubjectAtClient => {
            Some(Scope::SubjectAtClient(issuer, claims.subject.clone()?, claims.client_id.clone()?))
        }
        ScopeKind::Client => Some(Scope::Client(issuer, claims.client_id.clone()?)),
        ScopeKind::Key => Some(Scope::Key(issuer, token.key_id.clone()?)),
        ScopeKind::Issuer => Some(Scope::Issuer(issuer)),
    }
}
