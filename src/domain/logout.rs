//! A logout on its way into the store, and what the store keeps of all of them.

use super::{cutoff::Cutoff, scope::Scope, time::Timestamp};

/// Why a logout was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LogoutReason {
    /// No reason was given.
    #[default]
    Unspecified,
    /// The user logged out of an application.
    UserLogout,
    /// The user's session at the identity provider ended.
    ProviderLogout,
    /// An administrator ended it.
    Administrator,
    /// A password or another credential changed.
    CredentialChange,
    /// A credential, key, secret or token is in the wrong hands.
    Compromise,
    /// The account was disabled or deleted.
    AccountDisabled,
}

impl LogoutReason {
    /// Every reason there is.
    pub const ALL: [Self; 7] = [
        Self::Unspecified,
        Self::UserLogout,
        Self::ProviderLogout,
        Self::Administrator,
        Self::CredentialChange,
        Self::Compromise,
        Self::AccountDisabled,
    ];

    /// Whether a subject's logout for this reason ends the authentication unless something else is said.
    ///
    /// A user who leaves one application and comes straight back through single sign-on must not be locked out.
    /// Whenever the provider's own session, the credential or the account is at stake, only a real authentication will do.
    #[must_use]
    pub const fn ends_authentication(self) -> bool {
        match self {
            Self::Unspecified | Self::UserLogout => false,
            Self::ProviderLogout
            | Self::Administrator
            | Self::CredentialChange
            | Self::Compromise
            | Self::AccountDisabled => true,
        }
    }
}

/// When a logout happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Now: the store stamps it, strictly after every logout of the scope that it knows.
    Now,
    /// Now as well, but not before this instant, at which a token was issued that it must refuse: the issuer's clock may
    /// be ahead.
    NowAfter(Timestamp),
    /// At an instant that the caller knows.
    At(Timestamp),
}

/// A logout to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogout {
    /// What it covers.
    pub scope: Scope,
    /// When it happened.
    pub when: When,
    /// When Curfew learned of it: the present.
    pub record_time: Timestamp,
    /// Why.
    pub reason: LogoutReason,
    /// Whether it also ended the authentication.
    pub reauthenticate: bool,
}

/// The position of a change in the order of all changes. Strictly increasing, never reused; zero is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// What is known of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The join of all its logouts.
    pub cutoff: Cutoff,
    /// The position of its last change.
    pub revision: Revision,
}

/// What recording did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The record now in force.
    pub record: Record,
    /// Whether any of its instants moved forward.
    pub advanced: bool,
}
