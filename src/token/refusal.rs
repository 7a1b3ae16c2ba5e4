//! Why a token is not honoured: one verdict for programs, one sentence for people.

use std::fmt;

use super::algorithm::Algorithm;
use crate::domain::{ScopeKind, Timestamp};

/// The answer on a token. The order is the order of the checks: the first that fails decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// To be honoured.
    Valid,
    /// Not a compact JWS with JSON claims.
    Malformed,
    /// `iss` is not configured.
    UnknownIssuer,
    /// `alg` is not in the issuer's list.
    AlgorithmNotAllowed,
    /// The issuer has no such key.
    UnknownKey,
    /// The signature does not hold.
    BadSignature,
    /// A required claim is missing.
    MissingClaim,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// `iat` has not come.
    IssuedInFuture,
    /// `aud` names none of the audiences in question.
    WrongAudience,
    /// The last-logout claim cannot be true.
    ImpossibleClaim,
    /// `exp` lies too far after `iat`.
    LifetimeTooLong,
    /// The token was revoked.
    TokenRevoked,
    /// Its session was logged out.
    SessionLoggedOut,
    /// Its subject logged out.
    SubjectLoggedOut,
    /// Its client's tokens were revoked.
    ClientRevoked,
    /// Its signing key was revoked.
    KeyRevoked,
    /// Its issuer's tokens were revoked.
    IssuerRevoked,
}

impl Verdict {
    /// Every verdict there is, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Valid,
        Self::Malformed,
        Self::UnknownIssuer,
        Self::AlgorithmNotAllowed,
        Self::UnknownKey,
        Self::BadSignature,
        Self::MissingClaim,
        Self::Expired,
        Self::NotYetValid,
        Self::IssuedInFuture,
        Self::WrongAudience,
        Self::ImpossibleClaim,
        Self::LifetimeTooLong,
        Self::TokenRevoked,
        Self::SessionLoggedOut,
        Self::SubjectLoggedOut,
        Self::ClientRevoked,
        Self::KeyRevoked,
        Self::IssuerRevoked,
    ];
}

/// Why a token is not honoured, with what is needed to explain it. Never holds the token or its signature.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// [`Verdict::Malformed`].
    Malformed(Malformed),
    /// [`Verdict::UnknownIssuer`]: what `iss` says, and the configured issuers.
    UnknownIssuer(String, String),
    /// [`Verdict::AlgorithmNotAllowed`]: what `alg` says, and the issuer's list.
    AlgorithmNotAllowed(String, String),
    /// [`Verdict::UnknownKey`]: what `kid` says.
    UnknownKey(Option<String>, Algorithm),
    /// [`Verdict::BadSignature`].
    BadSignature(Algorithm),
    /// [`Verdict::MissingClaim`]: its name.
    MissingClaim(&'static str),
    /// [`Verdict::Expired`]: when.
    Expired(Timestamp),
    /// [`Verdict::NotYetValid`]: until when.
    NotYetValid(Timestamp),
    /// [`Verdict::IssuedInFuture`]: when, and the present.
    IssuedInFuture(Timestamp, Timestamp),
    /// [`Verdict::WrongAudience`]: what `aud` says, and what was asked for.
    WrongAudience(Vec<String>, Vec<String>),
    /// [`Verdict::ImpossibleClaim`].
    ImpossibleClaim(ImpossibleClaim),
    /// [`Verdict::LifetimeTooLong`]: what it is and what is allowed, in seconds.
    LifetimeTooLong(u64, u64),
    /// A logout covers it; the verdict is by its scope.
    LoggedOut(LoggedOut),
}

/// A fault of form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than is looked at: its length.
    #[error("it is {0} bytes long; at most 16384 are looked at")]
    TooLong(usize),
    /// Not three parts: how many there are.
    #[error("it has {0} part{s}; a signed token has 3, with dots between them", s = if *.0 == 1 { "" } else { "s" })]
    Parts(usize),
    /// A part is not base64url.
    #[error("its {0} is not base64url without padding")]
    Base64(&'static str),
    /// A part is not a JSON object that is accepted.
    #[error("its {0} is not acceptable JSON: {1}")]
    Json(&'static str, String),
    /// RFC 7515, section 4.1.1.
    #[error("its header has no alg")]
    NoAlgorithm,
    /// RFC 7515, section 4.1.11: no extension is understood.
    #[error("its header has crit, and no extension is understood")]
    Critical,
    /// A header member of the wrong type.
    #[error("{0} in its header is not {1}")]
    WrongType(&'static str, &'static str),
    /// `typ` is not among the issuer's.
    #[error("its typ is {0}, which the issuer's tokens do not have; allowed: {1}")]
    MediaType(String, String),
    /// A claim of the wrong type.
    #[error("its claim {0} is not {1}")]
    ClaimType(String, &'static str),
    /// A claim in the wrong unit.
    #[error("its claim {0} looks like milliseconds; it must be seconds (RFC 7519, section 2)")]
    Milliseconds(&'static str),
}

/// Why a last-logout claim cannot be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImpossibleClaim {
    /// Later than the token itself: the claim and `iat`.
    #[error("its last-logout claim ({0}) is later than the token itself (iat {1})")]
    AfterIssue(Timestamp, Timestamp),
    /// A number of the wrong unit: the one that it looks like, and the one that belongs there.
    #[error("its last-logout claim looks like {0}; it is configured as {1}")]
    Unit(&'static str, &'static str),
    /// Later than any logout known, at an issuer with `claim_ahead = "refuse"`.
    #[error(
        "its last-logout claim ({0}) is later than any logout known here: was a record lost, or a backup restored?"
    )]
    AheadOfStore(Timestamp),
}

/// The logout that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedOut {
    /// What it covers.
    pub scope: ScopeKind,
    /// When it happened.
    pub logout_time: Timestamp,
    /// Which instant of the token was compared with it.
    pub ground: Ground,
}

/// By what a logout refuses a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// A session or a token is dead once named.
    Named,
    /// The last-logout claim: the issuer did not know of this live logout.
    Claim,
    /// `iat` is not provably after it.
    IssuedAt {
        /// The token's `iat`.
        issued_at: Timestamp,
        /// It may yet have been issued after it: the same second, or within `clock_skew`.
        ambiguous: bool,
    },
    /// The user authenticated before it.
    Authentication {
        /// The token's `auth_time`.
        authenticated_at: Timestamp,
    },
}

impl Refusal {
    /// The verdict for programs.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Malformed(_) => Verdict::Malformed,
            Self::UnknownIssuer(..) => Verdict::UnknownIssuer,
            Self::AlgorithmNotAllowed(..) => Verdict::AlgorithmNotAllowed,
            Self::UnknownKey(..) => Verdict::UnknownKey,
            Self::BadSignature(_) => Verdict::BadSignature,
            Self::MissingClaim(_) => Verdict::MissingClaim,
            Self::Expired(_) => Verdict::Expired,
            Self::NotYetValid(_) => Verdict::NotYetValid,
            Self::IssuedInFuture(..) => Verdict::IssuedInFuture,
            Self::WrongAudience(..) => Verdict::WrongAudience,
            Self::ImpossibleClaim(_) => Verdict::ImpossibleClaim,
            Self::LifetimeTooLong(..) => Verdict::LifetimeTooLong,
            Self::LoggedOut(LoggedOut { scope, .. }) => match scope {
                ScopeKind::Token => Verdict::TokenRevoked,
                ScopeKind::Session => Verdict::SessionLoggedOut,
                ScopeKind::Subject | ScopeKind::SubjectAtClient => Verdict::SubjectLoggedOut,
                ScopeKind::Client => Verdict::ClientRevoked,
                ScopeKind::Key => Verdict::KeyRevoked,
                ScopeKind::Issuer => Verdict::IssuerRevoked,
            },
        }
    }

    /// Whether the token may yet have been issued after the logout, so that a fresh login may have been refused.
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self, Self::LoggedOut(LoggedOut { ground: Ground::IssuedAt { ambiguous: true, .. }, .. }))
    }
}

/// Text from a token, made fit to be shown: escaped, and cut where it is long.
#[must_use]
pub fn shown(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

fn list(items: &[String]) -> String {
    let most = 5;
    let shown: Vec<String> = items.iter().take(most).map(|item| shown(item)).collect();
    let more = if items.len() > most { ", …" } else { "" };
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") + more }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(fault) => write!(f, "The token is malformed: {fault}."),
            Self::UnknownIssuer(named, configured) => {
                write!(f, "The token's issuer {named} is not configured here; configured: {configured}.")
            }
            Self::AlgorithmNotAllowed(named, allowed) => {
                write!(
                    f,
                    "The token is signed with {named}, which its issuer is not configured for; allowed: {allowed}."
                )
            }
            Self::UnknownKey(Some(id), algorithm) => {
                write!(f, "The issuer has no key {id} for {algorithm}, or no longer.")
            }
            Self::UnknownKey(None, algorithm) => {
                write!(f, "The token names no key (kid), and the issuer has not exactly one for {algorithm}.")
            }
            Self::BadSignature(algorithm) => write!(f, "The {algorithm} signature is not the issuer's over this text."),
            Self::MissingClaim(name) => write!(f, "The token has no {name}."),
            Self::Expired(at) => write!(f, "The token expired at {at}."),
            Self::NotYetValid(at) => write!(f, "The token is not valid before {at}."),
            Self::IssuedInFuture(at, now) => {
                write!(f, "The token was issued at {at}, but it is {now} here: one of the two clocks is wrong.")
            }
            Self::WrongAudience(has, wanted) => {
                write!(f, "The token is for the audience {}; wanted is one of: {}.", list(has), list(wanted))
            }
            Self::ImpossibleClaim(reason) => write!(f, "The token cannot be true: {reason}."),
            Self::LifetimeTooLong(actual, allowed) => {
                write!(f, "The token lives {actual} s; its issuer's max_token_lifetime is {allowed} s.")
            }
            Self::LoggedOut(logged_out) => logged_out.fmt(f),
        }
    }
}

impl fmt::Display for LoggedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scope, at) = (self.scope, self.logout_time);
        match self.ground {
            Ground::Named if self.scope == ScopeKind::Token => write!(f, "The token was revoked at {at}."),
            Ground::Named if self.scope == ScopeKind::Key => {
                write!(f, "The signing key was found to be compromised at {at}.")
            }
            Ground::Named => write!(f, "The {scope} was logged out at {at}."),
            Ground::Claim => {
                write!(f, "The {scope} logged out at {at}, which the issuer did not know when it issued the token.")
            }
            Ground::IssuedAt { issued_at, ambiguous: false } => {
                write!(f, "The {scope} logged out at {at}, after the token was issued ({issued_at}).")
            }
            Ground::IssuedAt { issued_at, ambiguous: true } => write!(
                f,
                "The {scope} logged out at {at}, too close to when the token was issued ({issued_at}) to tell which came \
                 first; a last-logout claim or `settle` tells fresh logins apart."
            ),
            Ground::Authentication { authenticated_at } => write!(
                f,
                "The {scope} logged out at {at} and must authenticate again; the token goes back to an authentication at \
                 {authenticated_at}."
            ),
        }
    }
}
