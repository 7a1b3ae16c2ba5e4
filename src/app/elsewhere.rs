//! From the configured ways by which logouts come from elsewhere to those that work: secrets are read now.

use crate::{config::ElsewhereConfig, service::Elsewhere};

/// Builds them; otherwise the key at fault, below the issuer's table, and what is wrong with it.
#[allow(clippy::unnecessary_wraps, reason = "secrets may be unreadable")]
pub(super) fn build(config: ElsewhereConfig) -> Result<Elsewhere, (&'static str, String)> {
    let ElsewhereConfig { backchannel_logout, token_revocation } = config;
    Ok(Elsewhere { backchannel_logout, token_revocation })
}
