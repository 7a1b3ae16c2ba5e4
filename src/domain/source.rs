//! Where Curfew hears of logouts.

/// A way by which logouts reach Curfew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The RPCs.
    Grpc,
    /// The same as JSON over HTTP.
    Json,
    /// OpenID Connect Back-Channel Logout.
    BackchannelLogout,
    /// Auth0's log streams.
    Auth0Stream,
    /// Auth0's logs, read from its Management API.
    Auth0Poll,
    /// Security event tokens that are pushed (RFC 8935).
    SecurityEventPush,
    /// Security event tokens that are fetched (RFC 8936).
    SecurityEventPoll,
    /// Global Token Revocation.
    GlobalTokenRevocation,
    /// OAuth 2.0 Token Revocation (RFC 7009).
    TokenRevocation,
}

impl Source {
    /// Every source there is, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Grpc,
        Self::Json,
        Self::BackchannelLogout,
        Self::Auth0Stream,
        Self::Auth0Poll,
        Self::SecurityEventPush,
        Self::SecurityEventPoll,
        Self::GlobalTokenRevocation,
        Self::TokenRevocation,
    ];

    /// Whether it brings what others report of their own accord, so that its silence may be a fault.
    #[must_use]
    pub const fn brings_events(self) -> bool {
        match self {
            Self::Grpc | Self::Json | Self::TokenRevocation => false,
            Self::BackchannelLogout
            | Self::Auth0Stream
            | Self::Auth0Poll
            | Self::SecurityEventPush
            | Self::SecurityEventPoll
            | Self::GlobalTokenRevocation => true,
        }
    }

    /// Its name in metrics, logs and lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Json => "json",
            Self::BackchannelLogout => "backchannel-logout",
            Self::Auth0Stream => "auth0-stream",
            Self::Auth0Poll => "auth0-poll",
            Self::SecurityEventPush => "security-event-push",
            Self::SecurityEventPoll => "security-event-poll",
            Self::GlobalTokenRevocation => "global-token-revocation",
            Self::TokenRevocation => "token-revocation",
        }
    }
}
