//! What an issuer's logouts from elsewhere must satisfy: one field for each way by which they come.

use crate::token::{LogActions, LogoutTokenRules, Secret};

/// The ways by which an issuer's logouts come that no frontend reports. None: nothing is taken that way.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// OpenID Connect Back-Channel Logout.
    pub backchannel_logout: Option<LogoutTokenRules>,
    /// Auth0's log streams: the whole `Authorization` header that they send.
    pub auth0_stream: Option<Secret>,
    /// What is done about the events of Auth0's log, pushed or read.
    pub auth0_actions: LogActions,
}
