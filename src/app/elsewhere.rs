//! From the configured ways by which logouts come from elsewhere to those that work: secrets are read now.

use super::secrets;
use crate::{config::ElsewhereConfig, service::Elsewhere};

/// Builds them; otherwise the key at fault, below the issuer's table, and what is wrong with it.
pub(super) fn build(config: ElsewhereConfig) -> Result<Elsewhere, (&'static str, String)> {
    // Reading an Auth0 tenant's log is a task of its own.
    let ElsewhereConfig { backchannel_logout, token_revocation, auth0_logs, auth0_poll: _, auth0_actions } = config;
    let auth0_stream = auth0_logs.as_deref().map(secrets::read).transpose();
    let auth0_stream = auth0_stream.map_err(|text| ("auth0_logs.secret_file", text))?;
    Ok(Elsewhere { backchannel_logout, token_revocation, auth0_stream, auth0_actions })
}
