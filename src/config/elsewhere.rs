//! `[issuer.…]`: the ways by which an issuer's logouts come that no frontend reports.

use std::{path::PathBuf, time::Duration};

use super::{
    IssuerConfig,
    auth0::{Auth0PollConfig, read_actions, read_logs},
    global_token_revocation,
    reader::Section,
    security_events::SecurityEventsConfig,
};
use crate::{
    domain::Issuer,
    service::{GlobalTokenRevocation, TokenScope},
    token::{Algorithm, ClaimAhead, LogActions, LogoutTokenRules, Rules},
};

/// These ways. None: nothing is taken that way.
#[derive(Debug, Clone)]
pub struct ElsewhereConfig {
    /// `[issuer.backchannel_logout]`
    pub backchannel_logout: Option<LogoutTokenRules>,
    /// `[issuer.token_revocation]`: what ends with a token that is revoked. None: that token alone.
    pub token_revocation: Option<TokenScope>,
    /// `[issuer.auth0_logs]`: the file with the `Authorization` header that log streams send.
    pub auth0_logs: Option<PathBuf>,
    /// `[issuer.auth0_poll]`
    pub auth0_poll: Option<Auth0PollConfig>,
    /// `[issuer.auth0_actions]`
    pub auth0_actions: LogActions,
    /// `[issuer.security_events]`
    pub security_events: Option<SecurityEventsConfig>,
    /// `[issuer.global_token_revocation]`
    pub global_token_revocation: Option<GlobalTokenRevocation>,
}

/// What these ways need to know of their issuer. None: that is at fault itself.
pub(super) struct Holder<'a> {
    pub(super) issuer: Option<&'a Issuer>,
    pub(super) algorithms: Option<&'a [Algorithm]>,
    pub(super) audiences: &'a [String],
    pub(super) leeway: Duration,
    pub(super) clock_skew: Duration,
    pub(super) has_sessions: bool,
}

impl Holder<'_> {
    /// The rules for a signature of somebody's that is no access token's.
    pub(super) fn signer(&self, issuer: Issuer, algorithms: Vec<Algorithm>) -> Rules {
        Rules {
            issuer,
            algorithms,
            audiences: Vec::new(),
            types: Vec::new(),
            leeway: self.leeway,
            clock_skew: self.clock_skew,
            max_token_lifetime: Duration::ZERO,
            last_logout: None,
            claim_ahead: ClaimAhead::Accept,
            session_claim: None,
        }
    }
}

impl ElsewhereConfig {
    /// Reads them from an issuer's table.
    pub(super) fn read(issuer: &mut Section<'_>, holder: &Holder<'_>) -> Self {
        let backchannel_logout = issuer.optional_section("backchannel_logout").map(read_logout_rules);
        let token_revocation = issuer
            .optional_section("token_revocation")
            .and_then(|section| read_revocation_scope(section, holder.has_sessions));
        let (auth0_logs, auth0_poll) = (issuer.optional_section("auth0_logs"), issuer.optional_section("auth0_poll"));
        let taken = auth0_logs.is_some() || auth0_poll.is_some();
        let security_events = issuer.optional_section("security_events");
        let revocation = issuer.optional_section("global_token_revocation");
        Self {
            backchannel_logout,
            token_revocation,
            auth0_logs: auth0_logs.and_then(read_logs),
            auth0_poll: auth0_poll.and_then(Auth0PollConfig::read),
            auth0_actions: read_actions(issuer, taken),
            security_events: security_events.and_then(|section| SecurityEventsConfig::read(section, holder)),
            global_token_revocation: revocation.and_then(|section| global_token_revocation::read(section, holder)),
        }
    }
}

/// Of an event that is pushed it must be clear which issuer's it is: by the transmitter, or by who we are to it.
pub(super) fn check_streams<'a>(top: &Section<'_>, issuers: impl Iterator<Item = &'a IssuerConfig>) {
    let mut seen: Vec<(&str, &str, &str)> = Vec::new();
    for issuer in issuers {
        let Some(SecurityEventsConfig { events, .. }) = &issuer.elsewhere.security_events else { continue };
        for audience in &events.audiences {
            let stream = (events.transmitter.as_str(), audience.as_str());
            if let Some((.., other)) =
                seen.iter().find(|(transmitter, audience, _)| (*transmitter, *audience) == stream)
            {
                top.fault(
                    "issuer",
                    format!(
                        "the security events of {} and of {other} come from {:?} for {audience:?}: whose would one be? Give each \
                         an audience of its own",
                        issuer.name, stream.0
                    ),
                );
            }
        }
        seen.extend(
            events
                .audiences
                .iter()
                .map(|audience| (events.transmitter.as_str(), audience.as_str(), issuer.name.as_str())),
        );
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

#[cfg(test)]
#[path = "elsewhere_tests.rs"]
mod tests;
