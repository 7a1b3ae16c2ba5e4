//! `[issuer.…]`: the ways by which an issuer's logouts come that no frontend reports.

use std::time::Duration;

use super::reader::Section;
use crate::{service::TokenScope, token::LogoutTokenRules};

/// These ways. None: nothing is taken that way.
#[derive(Debug, Clone)]
pub struct ElsewhereConfig {
    /// `[issuer.backchannel_logout]`
    pub backchannel_logout: Option<LogoutTokenRules>,
    /// `[issuer.token_revocation]`: what ends with a token that is revoked. None: that token alone.
    pub token_revocation: Option<TokenScope>,
}

impl ElsewhereConfig {
    /// Reads them from an issuer's table.
    pub(super) fn read(issuer: &mut Section<'_>) -> Self {
        let backchannel_logout = issuer.optional_section("backchannel_logout").map(read_logout_rules);
        let has_sessions = !issuer.set_keys(&["session_claim"]).is_empty();
        let token_revocation = issuer
            .optional_section("token_revocation")
            .and_then(|section| read_revocation_scope(section, has_sessions));
        Self { backchannel_logout, token_revocation }
    }
}

/// `[issuer.token_revocation]`
fn read_revocation_scope(mut section: Section<'_>, has_sessions: bool) -> Option<TokenScope> {
    let scopes = [("token", TokenScope::Token), ("session", TokenScope::Session), ("subject", TokenScope::Subject)];
    let scope = section.choice("scope", &scopes);
    if scope == Some(TokenScope::Session) && !has_sessions {
        section.fault("scope", "\"session\" needs session_claim: without it no token can be told to be of a session");
    }
    section.finish();
    scope
}

/// `[issuer.backchannel_logout]`
fn read_logout_rules(mut section: Section<'_>) -> LogoutTokenRules {
    let client_ids = section.list("client_ids").unwrap_or_default();
    if client_ids.is_empty() || client_ids.iter().any(String::is_empty) {
        section.fault(
            "client_ids",
            "must name at least one client, and none may be empty: without it, logout tokens for anybody pass",
        );
    }
    let strict_type = section.flag("strict_type").unwrap_or(false);
    let max_age = section.positive_duration("max_age").unwrap_or(Duration::from_secs(120));
    section.finish();
    LogoutTokenRules { client_ids, strict_type, max_age }
}
