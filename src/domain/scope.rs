//! What a logout covers.

use std::fmt;

use super::identity::{ClientId, Issuer, KeyId, SessionId, SubjectId, TokenId};

/// The tokens that a logout covers. Every scope lies within one issuer: equal names at two issuers are two things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Every token of the issuer.
    Issuer(Issuer),
    /// Every token signed with one of the issuer's keys.
    Key(Issuer, KeyId),
    /// Every token of one client.
    Client(Issuer, ClientId),
    /// Every token of one subject.
    Subject(Issuer, SubjectId),
    /// Every token of one subject at one client.
    SubjectAtClient(Issuer, SubjectId, ClientId),
    /// Every token of one session.
    Session(Issuer, SessionId),
    /// One token.
    Token(Issuer, TokenId),
}

/// A scope without its names: for rules, metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// [`Scope::Issuer`].
    Issuer,
    /// [`Scope::Key`].
    Key,
    /// [`Scope::Client`].
    Client,
    /// [`Scope::Subject`].
    Subject,
    /// [`Scope::SubjectAtClient`].
    SubjectAtClient,
    /// [`Scope::Session`].
    Session,
    /// [`Scope::Token`].
    Token,
}

impl Scope {
    /// The issuer that it lies within.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        match self {
            Self::Issuer(issuer)
            | Self::Key(issuer, _)
            | Self::Client(issuer, _)
            | Self::Subject(issuer, _)
            | Self::SubjectAtClient(issuer, _, _)
            | Self::Session(issuer, _)
            | Self::Token(issuer, _) => issuer,
        }
    }

    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> ScopeKind {
        match self {
            Self::Issuer(_) => ScopeKind::Issuer,
            Self::Key(..) => ScopeKind::Key,
            Self::Client(..) => ScopeKind::Client,
            Self::Subject(..) => ScopeKind::Subject,
            Self::SubjectAtClient(..) => ScopeKind::SubjectAtClient,
            Self::Session(..) => ScopeKind::Session,
            Self::Token(..) => ScopeKind::Token,
        }
    }
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issuer => "issuer",
            Self::Key => "signing key",
            Self::Client => "client",
            Self::Subject => "subject",
            Self::SubjectAtClient => "subject at this client",
            Self::Session => "session",
            Self::Token => "token",
        })
    }
}
