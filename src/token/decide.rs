//! The decision: is this token to be honoured now, given every logout that covers it?
//!
//! One pure function, [`decide`]. It is preceded by what [`super::verify`] does (shape, issuer, algorithm, key,
//! signature); the first check that fails decides.
//!
//! | | check | refused as |
//! | --- | --- | --- |
//! | 1 | `sub` is there | `MISSING_CLAIM` |
//! | 2 | `exp` is there, and `exp + leeway > now` | `MISSING_CLAIM`, `EXPIRED` |
//! | 3 | `nbf`, if there, `<= now + leeway` | `NOT_YET_VALID` |
//! | 4 | `iat` is there, and `<= now + leeway` | `MISSING_CLAIM`, `ISSUED_IN_FUTURE` |
//! | 5 | `aud` is there and names an audience of the issuer that the caller, if it named any, stands for | `MISSING_CLAIM`, `WRONG_AUDIENCE` |
//! | 6 | the last-logout claim, if there, is not later than `iat` (to the end of its second) `+ leeway` | `IMPOSSIBLE_CLAIM` |
//! | 7 | `exp - iat <= max_token_lifetime` | `LIFETIME_TOO_LONG` |
//! | 8 | the claim is not later than any logout known, where `claim_ahead = "refuse"` | `IMPOSSIBLE_CLAIM` |
//! | 9 | its `jti` was not revoked | `TOKEN_REVOKED` |
//! | 10 | its session was not logged out | `SESSION_LOGGED_OUT` |
//! | 11 | the subject's logouts, at all clients and at this one, let it pass (below) | `SUBJECT_LOGGED_OUT` |
//! | 12 | its client's logouts let it pass, by `iat` | `CLIENT_REVOKED` |
//! | 13 | its signing key is not compromised, and its logouts let it pass, by `iat` | `KEY_REVOKED` |
//! | 14 | its issuer's logouts let it pass, by `iat` | `ISSUER_REVOKED` |
//!
//! A logout at `T` lets a token pass:
//!
//! | logout | token has the last-logout claim (subject only) | else |
//! | --- | --- | --- |
//! | live | if claim `>= T` (null: never) | if `iat > T + clock_skew` |
//! | late | if claim `>= T`, else if `iat > T + clock_skew` | if `iat > T + clock_skew` |
//! | ended the authentication | and if it has an `auth_time`: that is `> T + clock_skew`, or the very second in which that lies | the same |
//!
//! A live and a late logout of one scope must *both* let it pass. So every further logout can only refuse more: no order
//! of recording, and nothing recorded later, makes a refused token valid.

use super::{
    claims::{Claims, LastLogout, NumericDate},
    refusal::{Ground, ImpossibleClaim, LoggedOut, Refusal},
    rules::{ClaimAhead, Rules},
};
use crate::domain::{Instants, Kind, ScopeKind, Timestamp};

/// The cutoffs of all scopes that cover a token; a default one where there was no logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cutoffs {
    /// Of its `jti`.
    pub token: Instants,
    /// Of its session.
    pub session: Instants,
    /// Of its subject.
    pub subject: Instants,
    /// Of its subject at its client.
    pub subject_at_client: Instants,
    /// Of its client.
    pub client: Instants,
    /// Of the key that it was verified with.
    pub key: Instants,
    /// Of its issuer.
    pub issuer: Instants,
}

/// What else is to be said of a token that is honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its last-logout claim is later than any logout known: a record may have been lost.
    pub claim_ahead: bool,
}

impl Cutoffs {
    /// The latest logout of the subject, at all clients and at this one. What the last-logout claim is compared with.
    #[must_use]
    pub fn last_logout(&self) -> Option<Timestamp> {
        [self.subject, self.subject_at_client].iter().filter_map(Instants::latest).map(|(at, _)| at).max()
    }
}

/// Decides whether a verified token is honoured. `audiences` are those that the caller stands for; none: any will do.
///
/// # Errors
/// The first check that it fails.
pub fn decide(
    claims: &Claims,
    cutoffs: &Cutoffs,
    rules: &Rules,
    audiences: &[String],
    now: Timestamp,
) -> Result<Standing, Refusal> {
    fit(claims, rules, audiences, now)?;
    standing(claims, cutoffs, rules)
}

/// Checks 1 to 7: what the token says of itself.
///
/// # Errors
/// The first check that it fails.
pub fn fit(claims: &Claims, rules: &Rules, audiences: &[String], now: Timestamp) -> Result<(), Refusal> {
    if claims.subject.is_none() {
        return Err(Refusal::MissingClaim("sub"));
    }
    let NumericDate(expires) = claims.expires.ok_or(Refusal::MissingClaim("exp"))?;
    if expires.plus(rules.leeway) <= now {
        return Err(Refusal::Expired(expires));
    }
    fit_but_for_expiry(claims, rules, audiences, now)?;
    let NumericDate(issued_at) = claims.issued_at.ok_or(Refusal::MissingClaim("iat"))?;
    let lifetime = expires.since(issued_at);
    if lifetime > rules.max_token_lifetime {
        return Err(Refusal::LifetimeTooLong(lifetime.as_secs(), rules.max_token_lifetime.as_secs()));
    }
    Ok(())
}

/// The same for a token that may have expired: its own user may still log out with it.
///
/// # Errors
/// The first check that it fails.
pub fn fit_but_for_expiry(claims: &Claims, rules: &Rules, audiences: &[String], now: Timestamp) -> Result<(), Refusal> {
    if claims.subject.is_none() {
        return Err(Refusal::MissingClaim("sub"));
    }
    if let Some(NumericDate(not_before)) = claims.not_before
        && not_before > now.plus(rules.leeway)
    {
        return Err(Refusal::NotYetValid(not_before));
    }
    let issued_at = claims.issued_at.ok_or(Refusal::MissingClaim("iat"))?;
    if issued_at.0 > now.plus(rules.leeway) {
        return Err(Refusal::IssuedInFuture(issued_at.0, now));
    }
    fit_audience(claims, rules, audiences)?;
    match claims.last_logout {
        LastLogout::At(claim) if claim > issued_at.latest().plus(rules.leeway) => {
            Err(Refusal::ImpossibleClaim(ImpossibleClaim::AfterIssue(claim, issued_at.0)))
        }
        LastLogout::WrongUnit(looks_like, belongs) => {
            Err(Refusal::ImpossibleClaim(ImpossibleClaim::Unit(looks_like, belongs)))
        }
        LastLogout::At(_) | LastLogout::Never | LastLogout::Absent => Ok(()),
    }
}

fn fit_audience(claims: &Claims, rules: &Rules, asked: &[String]) -> Result<(), Refusal> {
    if claims.audiences.is_empty() {
        return Err(Refusal::MissingClaim("aud"));
    }
    let wanted =
        |audience: &String| rules.audiences.contains(audience) && (asked.is_empty() || asked.contains(audience));
    if claims.audiences.iter().any(wanted) {
        return Ok(());
    }
    let wanted = if asked.is_empty() { &rules.audiences } else { asked };
    Err(Refusal::WrongAudience(claims.audiences.clone(), wanted.to_vec()))
}

/// Checks 8 to 14: what the logouts say of it.
///
/// # Errors
/// The first check that it fails.
pub fn standing(claims: &Claims, cutoffs: &Cutoffs, rules: &Rules) -> Result<Standing, Refusal> {
    let last_logout = cutoffs.last_logout();
    let claim_ahead = match claims.last_logout {
        LastLogout::At(claim) if Some(claim) > last_logout && rules.claim_ahead == ClaimAhead::Refuse => {
            return Err(Refusal::ImpossibleClaim(ImpossibleClaim::AheadOfStore(claim)));
        }
        LastLogout::At(claim) => Some(claim) > last_logout,
        LastLogout::Never | LastLogout::Absent | LastLogout::WrongUnit(..) => false,
    };
    let token = Token { claims, rules };
    not_named(ScopeKind::Token, &cutoffs.token)?;
    not_named(ScopeKind::Session, &cutoffs.session)?;
    token.passes(ScopeKind::Subject, &cutoffs.subject)?;
    token.passes(ScopeKind::SubjectAtClient, &cutoffs.subject_at_client)?;
    token.passes(ScopeKind::Client, &cutoffs.client)?;
    not_compromised(&cutoffs.key)?;
    token.passes(ScopeKind::Key, &cutoffs.key)?;
    token.passes(ScopeKind::Issuer, &cutoffs.issuer)?;
    Ok(Standing { claim_ahead })
}

/// A session and a token id are used once, so that one which was named is simply dead.
fn not_named(scope: ScopeKind, cutoff: &Instants) -> Result<(), Refusal> {
    match cutoff.latest() {
        None => Ok(()),
        Some((logout_time, _)) => Err(Refusal::LoggedOut(LoggedOut { scope, logout_time, ground: Ground::Named })),
    }
}

/// Whoever has a signing key writes any `iat`: a key in the wrong hands is dead, whenever it seems to have signed.
fn not_compromised(key: &Instants) -> Result<(), Refusal> {
    match key.authentication {
        None => Ok(()),
        Some(logout_time) => {
            Err(Refusal::LoggedOut(LoggedOut { scope: ScopeKind::Key, logout_time, ground: Ground::Named }))
        }
    }
}

/// What of a token is compared with cutoffs.
struct Token<'a> {
    claims: &'a Claims,
    rules: &'a Rules,
}

impl Token<'_> {
    /// Whether all logouts of one scope let the token pass. The latest is asked first, for it explains a refusal best.
    fn passes(&self, scope: ScopeKind, cutoff: &Instants) -> Result<(), Refusal> {
        let refused = |logout_time, ground| Err(Refusal::LoggedOut(LoggedOut { scope, logout_time, ground }));
        let live = cutoff.live.map(|at| (at, Kind::Live));
        let late = cutoff.late.map(|at| (at, Kind::Late));
        let late_first = cutoff.latest().is_some_and(|(_, kind)| kind == Kind::Late);
        let logouts = if late_first { [late, live] } else { [live, late] };
        for (at, kind) in logouts.into_iter().flatten() {
            if let Some(ground) = self.refused_by(scope, at, kind) {
                return refused(at, ground);
            }
        }
        match cutoff.authentication {
            Some(at) => match self.authenticated_too_early(at) {
                Some(ground) => refused(at, ground),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Was it issued before this logout?
    fn refused_by(&self, scope: ScopeKind, cutoff: Timestamp, kind: Kind) -> Option<Ground> {
        let by_subject = matches!(scope, ScopeKind::Subject | ScopeKind::SubjectAtClient);
        let knew = match self.claims.last_logout {
            LastLogout::At(claim) if by_subject => Some(claim >= cutoff),
            LastLogout::Never if by_subject => Some(false),
            _ => None,
        };
        match (knew, kind) {
            (Some(true), _) => return None,
            (Some(false), Kind::Live) => return Some(Ground::Claim),
            (Some(false), Kind::Late) | (None, _) => (),
        }
        let Some(issued_at) = self.claims.issued_at else {
            // `fit` refuses a token without `iat`; whoever asks without it gets the strict answer.
            return Some(Ground::IssuedAt { issued_at: Timestamp::EPOCH, ambiguous: false });
        };
        if issued_at.0 > cutoff.plus(self.rules.clock_skew) {
            return None;
        }
        let ambiguous = issued_at.latest().plus(self.rules.clock_skew) > cutoff;
        Some(Ground::IssuedAt { issued_at: issued_at.0, ambiguous })
    }

    /// Did the user authenticate before this logout, which ended the authentication? Within the second in which the
    /// cutoff lies a whole-second `auth_time` cannot tell; there the claim and `iat`, which have passed, are believed.
    fn authenticated_too_early(&self, logout_time: Timestamp) -> Option<Ground> {
        // Nobody authenticates after the token was issued: a later `auth_time` counts as `iat`, or it would be immune.
        let latest = self.claims.issued_at.map_or(Timestamp::EPOCH, NumericDate::latest);
        let authenticated_at = self.claims.authenticated_at?.0.min(latest);
        let cutoff = logout_time.plus(self.rules.clock_skew);
        let tie = authenticated_at.is_whole_second() && authenticated_at == cutoff.start_of_second();
        (authenticated_at <= cutoff && !tie).then_some(Ground::Authentication { authenticated_at })
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
pub(super) mod tests;
