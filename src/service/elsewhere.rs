//! What an issuer's logouts from elsewhere must satisfy: one field for each way by which they come.

use super::TokenScope;
use crate::token::{LogActions, LogoutTokenRules, Secret};

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
}
