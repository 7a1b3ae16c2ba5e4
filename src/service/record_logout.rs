//! `RecordLogout`: whose tokens end, from when on, and whether that can be enforced.

use std::{sync::Arc, time::Duration};

use super::{ConfiguredIssuer, Curfew, ServiceError};
use crate::{
    domain::{
        ClientId, KeyId, LogoutReason, NewLogout, Recorded, Scope, ScopeKind, SessionId, Source, SubjectId, Timestamp,
        TokenId, When,
    },
    token::{ClaimAhead, Claims, Cutoffs, LastLogout, Refusal, Rules, fit_but_for_expiry, standing},
};

/// Whose tokens are no longer to be honoured; issuers are named by `iss` or by name.
#[derive(Debug, Clone)]
pub enum Target {
    /// A subject, at every client or at one.
    Subject(String, SubjectId, Option<ClientId>),
    /// A session, and whose it is where that is known.
    Session(String, SessionId, Option<SubjectId>),
    /// One token.
    TokenId(String, TokenId),
    /// A client.
    Client(String, ClientId),
    /// A signing key.
    Key(String, KeyId),
    /// An issuer.
    Issuer(String),
    /// What a user's own token says.
    Token(String, TokenScope),
}

/// What to take from a user's own token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenScope {
    /// Its subject.
    #[default]
    Subject,
    /// Its session.
    Session,
    /// Itself.
    Token,
}

/// A logout to be recorded.
#[derive(Debug, Clone)]
pub struct LogoutRequest {
    /// Whose tokens.
    pub target: Target,
    /// When it happened, if not now; already checked by [`super::event_time`].
    pub logout_time: Option<Timestamp>,
    /// Why.
    pub reason: LogoutReason,
    /// How it was heard of.
    pub source: Source,
    /// Whether it ended the authentication. None: by the issuer's configuration or the reason.
    pub reauthenticate: Option<bool>,
    /// Whether to answer only when the next second has begun. None: by the issuer's configuration.
    pub settle: Option<bool>,
}

/// A recorded logout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLogout {
    /// What it covers.
    pub scope: Scope,
    /// What is now in force.
    pub recorded: Recorded,
}

/// What a target comes to.
struct Covered {
    issuer: Arc<ConfiguredIssuer>,
    scope: Scope,
    /// The last instant that the token names by which the user logs out, if it is by one: the logout must refuse that
    /// token at least.
    issued_at: Option<Timestamp>,
}

impl Target {
    /// The issuer that it names, and the field in which it does.
    fn issuer(&self) -> (&'static str, &str) {
        match self {
            Self::Subject(issuer, ..) => ("subject.issuer", issuer),
            Self::Session(issuer, ..) => ("session.issuer", issuer),
            Self::TokenId(issuer, _) => ("token_id.issuer", issuer),
            Self::Client(issuer, _) => ("client.issuer", issuer),
            Self::Key(issuer, _) => ("key.issuer", issuer),
            Self::Issuer(issuer) => ("issuer.issuer", issuer),
            Self::Token(..) => ("token", ""),
        }
    }
}

impl Curfew {
    /// Records a logout; returns when it is durable and, if asked, settled.
    ///
    /// # Errors
    /// [`ServiceError`]. Nothing was recorded, except that after [`ServiceError::StoreUnavailable`] it may have been.
    pub async fn record_logout(&self, request: LogoutRequest) -> Result<RecordedLogout, ServiceError> {
        let Covered { issuer, scope, issued_at } = self.covered(request.target).await?;
        let logout = NewLogout {
            reauthenticate: reauthenticates(
                scope.kind(),
                request.reauthenticate,
                issuer.reauthenticate,
                request.reason,
            ),
            scope: scope.clone(),
            when: match (request.logout_time, issued_at) {
                (Some(instant), _) => When::At(instant),
                (None, Some(issued_at)) => When::NowAfter(issued_at),
                (None, None) => When::Now,
            },
            record_time: self.clock.now(),
            reason: request.reason,
        };
        let recorded = match &self.lane {
            Some(lane) => lane.record(logout).await?,
            None => self.store.record(logout).await?,
        };
        let exposure = request.logout_time.map(|at| self.clock.now().since(at));
        self.metrics.logout(request.source, request.reason, exposure);
        if let Scope::Key(_, key) = &scope {
            self.tokens.remove_key(&issuer, key);
        }
        tracing::debug!(
            issuer = %issuer.name, scope = %scope.kind(), reason = ?request.reason,
            source = request.source.name(),
            revision = recorded.record.revision.0, advanced = recorded.advanced, "logout recorded"
        );
        if request.settle.unwrap_or(issuer.settle)
            && let Some((mark, _)) = recorded.record.cutoff.latest()
        {
            self.settle(mark.logout_time, issuer.rules.clock_skew).await;
        }
        Ok(RecordedLogout { scope, recorded })
    }

    /// What a target comes to.
    async fn covered(&self, target: Target) -> Result<Covered, ServiceError> {
        if let Target::Token(raw_token, scope) = target {
            return self.covered_by_token(&raw_token, scope).await;
        }
        let (field, named) = target.issuer();
        let issuer = Arc::clone(self.issuers.meant(field, named)?);
        let iss = issuer.rules.issuer.clone();
        let scope = match target {
            Target::Subject(_, subject, Some(client)) => Scope::SubjectAtClient(iss, subject, client),
            Target::Subject(_, subject, None) => Scope::Subject(iss, subject),
            Target::Session(_, session, subject) => session_scope(&issuer, session, subject)?,
            Target::TokenId(_, token) => Scope::Token(iss, token),
            Target::Client(_, client) => Scope::Client(iss, client),
            Target::Key(_, _) if !issuer.keys.has_key_ids() => {
                return Err(ServiceError::NotEnforceable(format!(
                    "the key of issuer {} has no kid; give it one in the configuration, or revoke the whole issuer",
                    issuer.name
                )));
            }
            Target::Key(_, key) => Scope::Key(iss, key),
            Target::Issuer(_) | Target::Token(..) => Scope::Issuer(iss),
        };
        Ok(Covered { issuer, scope, issued_at: None })
    }

    /// What a user's own token stands for. It may have expired and may have been logged out; everything else must hold,
    /// or a token for some other service could log its user out of this one.
    async fn covered_by_token(&self, raw_token: &str, scope: TokenScope) -> Result<Covered, ServiceError> {
        let unfit = |refusal: Refusal| ServiceError::TokenNotFit(Box::new(refusal));
        let now = self.clock.now();
        let verified = self.verified(raw_token, now).await?.map_err(|(refusal, _)| unfit(refusal))?;
        let (issuer, claims) = (verified.issuer, verified.token.claims);
        fit_but_for_expiry(&claims, &issuer.rules, &[], now).map_err(unfit)?;
        // A user who has logged out may do so again.
        self.check_key(verified.token.key_id, &claims, &issuer.rules).map_err(unfit)?;
        let issued_at = last_instant(&claims);
        let scope = own_scope(&issuer, claims, scope)?;
        Ok(Covered { issuer, scope, issued_at })
    }

    /// A revoked key must not log anybody out.
    pub(super) fn check_key(&self, key: Option<KeyId>, claims: &Claims, rules: &Rules) -> Result<(), Refusal> {
        let Some(key) = key else { return Ok(()) };
        let key = self.instants(&Scope::Key(rules.issuer.clone(), key));
        standing(claims, &Cutoffs { key, ..Cutoffs::default() }, &without_claim_ahead(rules)).map(drop)
    }

    /// Waits until the next whole second after the cutoff and the skew has begun; not much longer than that takes, even
    /// where the clock has been set back.
    async fn settle(&self, cutoff: Timestamp, skew: Duration) {
        let second = Duration::from_secs(1);
        let settled = cutoff.plus(skew).start_of_second().plus(second);
        let mut patience = skew + second;
        loop {
            let left = settled.since(self.clock.now()).min(patience);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
            patience -= left;
        }
    }
}

/// The instant that a logout must reach to refuse a token by all that it says: its `iat`, and past its last-logout claim.
fn last_instant(claims: &Claims) -> Option<Timestamp> {
    let claim = match claims.last_logout {
        LastLogout::At(claim) => Some(claim.plus(Duration::from_millis(1))),
        LastLogout::Never | LastLogout::Absent | LastLogout::WrongUnit(..) => None,
    };
    claims.issued_at.map(|date| date.0).max(claim)
}

/// The rules where only one scope is asked about, so that nothing is known of the subject's logouts.
fn without_claim_ahead(rules: &Rules) -> Rules {
    Rules { claim_ahead: ClaimAhead::Accept, ..rules.clone() }
}

/// A session where tokens carry it; else its subject, for a cutoff that no token can meet would silently stop nothing.
fn session_scope(
    issuer: &ConfiguredIssuer,
    session: SessionId,
    subject: Option<SubjectId>,
) -> Result<Scope, ServiceError> {
    let iss = issuer.rules.issuer.clone();
    match (&issuer.rules.session_claim, subject) {
        (Some(_), _) => Ok(Scope::Session(iss, session)),
        (None, Some(subject)) => Ok(Scope::Subject(iss, subject)),
        (None, None) => Err(ServiceError::NotEnforceable(format!(
            "the tokens of issuer {} are not declared to carry a session id; name the subject too, or set session_claim",
            issuer.name
        ))),
    }
}

fn own_scope(issuer: &ConfiguredIssuer, claims: Claims, scope: TokenScope) -> Result<Scope, ServiceError> {
    let lacks = |name: &str| ServiceError::invalid("token_scope", format!("cannot be met: the token has no {name}"));
    let iss = issuer.rules.issuer.clone();
    match scope {
        TokenScope::Subject => claims.subject.map(|subject| Scope::Subject(iss, subject)).ok_or_else(|| lacks("sub")),
        TokenScope::Token => claims.token_id.map(|token| Scope::Token(iss, token)).ok_or_else(|| lacks("jti")),
        TokenScope::Session if issuer.rules.session_claim.is_none() => Err(ServiceError::NotEnforceable(format!(
            "the tokens of issuer {} are not declared to carry a session id; set session_claim, or use another scope",
            issuer.name
        ))),
        TokenScope::Session => {
            claims.session_id.map(|session| Scope::Session(iss, session)).ok_or_else(|| lacks("session id"))
        }
    }
}

/// Whether a logout ends the authentication: as the request says, as the issuer is configured, or by the reason. A client
/// or an issuer that is revoked says nothing of how its users authenticated unless the request does. Of a key it says that
/// nothing it signs is believed any more. A session and a token are dead without it.
fn reauthenticates(scope: ScopeKind, request: Option<bool>, issuer: Option<bool>, reason: LogoutReason) -> bool {
    match scope {
        ScopeKind::Subject | ScopeKind::SubjectAtClient => {
            request.or(issuer).unwrap_or_else(|| reason.ends_authentication())
        }
        ScopeKind::Client | ScopeKind::Issuer => request.unwrap_or(false),
        ScopeKind::Key => request.unwrap_or(reason == LogoutReason::Compromise),
        ScopeKind::Session | ScopeKind::Token => false,
    }
}
