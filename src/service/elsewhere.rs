//! What an issuer's logouts from elsewhere must satisfy: one field for each way by which they come.

use std::{fmt, sync::Arc};

use super::TokenScope;
use crate::token::{
    CallerRules, KeySource, LogActions, LogoutTokenRules, Rules, Secret, SecurityEventRules, SubjectRules,
};

/// The ways by which an issuer's logouts come that no frontend reports. None: nothing is taken that way.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// OpenID Connect Back-Channel Logout.
    pub backchannel_logout: Option<LogoutTokenRules>,
    /// OAuth 2.0 Token Revocation: what ends with a token that is revoked. None: that token alone.
    pub token_revocation: Option<TokenScope>,
    /// Auth0's log streams: the whole `Authorization` header that they send.
    pub auth0_stream: Option<Secret>,
    /// What is done about the events of Auth0's log, pushed or read.
    pub auth0_actions: LogActions,
    /// Shared Signals.
    pub security_events: Option<SecurityEvents>,
    /// Global Token Revocation.
    pub global_token_revocation: Option<GlobalTokenRevocation>,
}

/// How an issuer's security events are verified and read.
#[derive(Clone)]
pub struct SecurityEvents {
    /// What they must satisfy, and what they mean.
    pub events: SecurityEventRules,
    /// Whose keys they are signed with, and by which algorithms: the transmitter's own, or the issuer's.
    pub signer: Rules,
    /// The transmitter's own keys. None: the issuer's.
    pub keys: Option<Arc<dyn KeySource>>,
    /// What whoever pushes them must say in the header `Authorization`, all of it. None: nothing.
    pub push_secret: Option<Secret>,
}

/// How requests to revoke all tokens of an issuer's user are verified and read.
#[derive(Debug, Clone)]
pub struct GlobalTokenRevocation {
    /// What callers must show.
    pub callers: CallerRules,
    /// Whose keys their tokens are signed with, and by which algorithms: asymmetric ones only.
    pub signer: Rules,
    /// Whom they may name.
    pub subjects: SubjectRules,
    /// Whether the user may stand under the older name `subject`.
    pub legacy_subject: bool,
}

impl fmt::Debug for SecurityEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityEvents")
            .field("events", &self.events)
            .field("signer", &self.signer)
            .field("own_keys", &self.keys.is_some())
            .field("push_secret", &self.push_secret)
            .finish()
    }
}
