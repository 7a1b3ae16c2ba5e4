//! `ValidateToken`: verify, look up every logout that covers the token, decide.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{ConfiguredIssuer, Curfew, ServiceError};
use crate::{
    domain::{Cutoff, Mark, Record, Revision, Scope, ScopeKind, Timestamp},
    token::{Claims, Compact, Cutoffs, LoggedOut, Refusal, Standing, VerifiedToken, fit, shown, standing, verify},
};

/// A token to be decided on.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The token.
    pub raw_token: String,
    /// The audiences that the caller stands for; none: any configured one will do.
    pub audiences: Vec<String>,
    /// What the answer must include.
    pub min_revision: Revision,
}

/// The answer on a token.
#[derive(Debug)]
pub struct Answer {
    /// Whether it is honoured, or the one reason why not.
    pub decision: Result<Standing, Refusal>,
    /// What it says, if its signature holds.
    pub claims: Option<Claims>,
    /// Everything that it says, likewise.
    pub payload: Option<Map<String, Value>>,
    /// When its subject last logged out, if it came to that.
    pub last_logout: Option<Mark>,
    /// The logout that decided, where one did.
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

/// A token whose signature holds, and whose it is.
pub(super) struct Verified {
    pub(super) issuer: Arc<ConfiguredIssuer>,
    pub(super) token: VerifiedToken,
    pub(super) payload: Map<String, Value>,
}

impl Curfew {
    /// Decides whether a token is to be honoured now.
    ///
    /// # Errors
    /// [`ServiceError`] when that cannot be decided: the token must not be honoured.
    pub async fn validate_token(&self, request: &TokenRequest) -> Result<Answer, ServiceError> {
        let revision = self.reach(request.min_revision).await?;
        let now = self.clock.now();
        let verified = match self.verified(&request.raw_token, now).await? {
            Ok(verified) => verified,
            Err((refusal, issuer)) => {
                report(issuer.as_deref(), Err(&refusal));
                return Ok(Answer::unverified(refusal, revision));
            }
        };
        let answer = self.judge(&verified, &request.audiences, now)?;
        report(Some(&verified.issuer), answer.decision.as_ref());
        let decided = match &answer.decision {
            Err(Refusal::LoggedOut(LoggedOut { scope, .. })) => self.decided(&verified, *scope)?,
            _ => None,
        };
        Ok(Answer {
            decision: answer.decision,
            last_logout: answer.last_logout,
            claims: Some(verified.token.claims),
            payload: Some(verified.payload),
            decided,
            revision,
        })
    }

    /// Verifies a token with the keys of the issuer that it names; a key that is not known is looked for once.
    pub(super) async fn verified(
        &self,
        raw_token: &str,
        now: Timestamp,
    ) -> Result<Result<Verified, (Refusal, Option<Arc<ConfiguredIssuer>>)>, ServiceError> {
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
        let mut verified = verify(&compact, &issuer.rules, &*issuer.keys.current(now)?);
        if matches!(verified, Err(Refusal::UnknownKey(..))) {
            issuer.keys.look_again().await;
            verified = verify(&compact, &issuer.rules, &*issuer.keys.current(self.clock.now())?);
        }
        Ok(match verified {
            Ok(token) => Ok(Verified { issuer, token, payload: compact.payload }),
            Err(refusal) => Err((refusal, Some(issuer))),
        })
    }

    /// Decides on a verified token.
    fn judge(&self, verified: &Verified, audiences: &[String], now: Timestamp) -> Result<Judged, ServiceError> {
        let (claims, rules) = (&verified.token.claims, &verified.issuer.rules);
        if let Err(refusal) = fit(claims, rules, audiences, now) {
            return Ok(Judged { decision: Err(refusal), last_logout: None });
        }
        let cutoffs = self.cutoffs(&verified.token)?;
        Ok(Judged { decision: standing(claims, &cutoffs, rules), last_logout: cutoffs.last_logout() })
    }

    /// The cutoffs of all scopes that cover a token.
    fn cutoffs(&self, token: &VerifiedToken) -> Result<Cutoffs, ServiceError> {
        let of = |kind| scope(token, kind).map_or(Ok(Cutoff::default()), |scope| self.cutoff(&scope));
        Ok(Cutoffs {
            token: of(ScopeKind::Token)?,
            session: of(ScopeKind::Session)?,
            subject: of(ScopeKind::Subject)?,
            subject_at_client: of(ScopeKind::SubjectAtClient)?,
            client: of(ScopeKind::Client)?,
            key: of(ScopeKind::Key)?,
            issuer: of(ScopeKind::Issuer)?,
        })
    }

    /// The cutoff of one scope; the default one where there was no logout.
    pub(super) fn cutoff(&self, scope: &Scope) -> Result<Cutoff, ServiceError> {
        Ok(self.store.get(scope)?.map(|record| record.cutoff).unwrap_or_default())
    }

    fn decided(&self, verified: &Verified, kind: ScopeKind) -> Result<Option<Decided>, ServiceError> {
        let Some(scope) = scope(&verified.token, kind) else { return Ok(None) };
        Ok(self.store.get(&scope)?.map(|record| Decided { scope, record }))
    }
}

/// A decision and what it was based on.
struct Judged {
    decision: Result<Standing, Refusal>,
    last_logout: Option<Mark>,
}

impl Answer {
    fn unverified(refusal: Refusal, revision: Revision) -> Self {
        Self { decision: Err(refusal), claims: None, payload: None, last_logout: None, decided: None, revision }
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

/// Writes the decision to the log: what an operator should know at once as a warning, the rest for those who look.
fn report(issuer: Option<&ConfiguredIssuer>, decision: Result<&Standing, &Refusal>) {
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
