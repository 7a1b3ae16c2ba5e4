//! Why logouts are recorded, and what follows from it.

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
