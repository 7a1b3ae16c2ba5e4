//! `[issuer.…]`: the ways by which an issuer's logouts come that no frontend reports.

use std::time::Duration;

use super::reader::Section;
use crate::token::LogoutTokenRules;

/// These ways. None: nothing is taken that way.
#[derive(Debug, Clone)]
pub struct ElsewhereConfig {
    /// `[issuer.backchannel_logout]`
    pub backchannel_logout: Option<LogoutTokenRules>,
}

impl ElsewhereConfig {
    /// Reads them from an issuer's table.
    pub(super) fn read(issuer: &mut Section<'_>) -> Self {
        Self { backchannel_logout: issuer.optional_section("backchannel_logout").map(read_logout_rules) }
    }
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
