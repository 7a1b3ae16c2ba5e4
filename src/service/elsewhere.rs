//! What an issuer's logouts from elsewhere must satisfy: one field for each way by which they come.

use crate::token::LogoutTokenRules;

/// The ways by which an issuer's logouts come that no frontend reports. None: nothing is taken that way.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// OpenID Connect Back-Channel Logout.
    pub backchannel_logout: Option<LogoutTokenRules>,
}
