//! What can be forgotten, and when: never what could still refuse a live token.
//!
//! A token lives at most `max_token_lifetime` from its `iat` (the decision enforces it), and is honoured for the leeway
//! after that. So a record of a token, session, client, key or issuer has done its work once every token that it could
//! refuse is dead. Exceptions, which are kept: a logout that ended the authentication of a client's or an issuer's users,
//! for `auth_time` may be much older than the token; compromised keys; and records of issuers that are no longer configured.
//!
//! Subjects' logouts are kept for `retention`, by default for ever: the login action needs them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::Issuers;
use crate::{
    domain::{Issuer, Record, Scope, ScopeKind, Timestamp},
    store::Forgettable,
    token::Rules,
};

/// How long after a logout a token that it refuses can still be alive, by these rules.
///
/// It may have been issued `clock_skew` after the logout and `leeway` ahead of Curfew's clock, lives `max_token_lifetime`
/// and is honoured `leeway` longer. The second makes up for what `iat` lost in rounding.
#[must_use]
pub fn horizon(rules: &Rules) -> Duration {
    rules.clock_skew + rules.leeway + rules.max_token_lifetime + rules.leeway + Duration::from_secs(1)
}

/// Says of each record whether it can be forgotten at this instant. `retention` is for subjects; none: for ever.
#[must_use]
pub fn forgettable(issuers: &Issuers, retention: Option<Duration>, now: Timestamp) -> Forgettable {
    let horizons: HashMap<Issuer, Duration> =
        issuers.all().iter().map(|issuer| (issuer.rules.issuer.clone(), horizon(&issuer.rules))).collect();
    Arc::new(move |scope, record| {
        let kept = horizons.get(scope.issuer()).and_then(|horizon| kept_for(scope, record, *horizon, retention));
        match (kept, last_instant(record)) {
            (Some(kept), Some(last)) => last.plus(kept) <= now,
            _ => false,
        }
    })
}

/// How long a record is kept after its last logout. None: for ever.
fn kept_for(scope: &Scope, record: &Record, horizon: Duration, retention: Option<Duration>) -> Option<Duration> {
    match scope.kind() {
        ScopeKind::Subject | ScopeKind::SubjectAtClient => retention.map(|retention| retention.max(horizon)),
        ScopeKind::Client | ScopeKind::Issuer | ScopeKind::Key if record.cutoff.authentication.is_some() => None,
        ScopeKind::Client | ScopeKind::Issuer | ScopeKind::Key | ScopeKind::Session | ScopeKind::Token => Some(horizon),
    }
}

/// The latest instant that has to do with a record: of a logout, or of learning of it.
fn last_instant(record: &Record) -> Option<Timestamp> {
    let marks = [record.cutoff.live, record.cutoff.late, record.cutoff.authentication];
    marks.into_iter().flatten().map(|mark| mark.logout_time.max(mark.record_time)).max()
}
