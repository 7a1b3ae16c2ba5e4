//! `[issuer.…]`: the ways by which an issuer's logouts come that no frontend reports.

use std::{path::PathBuf, time::Duration};

use super::reader::Section;
use crate::{
    outbound::check_url,
    service::TokenScope,
    token::{LOG_CODES, LogActions, LogoutTokenRules},
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
}

/// `[issuer.auth0_poll]`
#[derive(Debug, Clone)]
pub struct Auth0PollConfig {
    /// Where the tenant is, without a slash at the end. None: where its tokens are issued.
    pub base_url: Option<String>,
    /// The client that may read the log.
    pub client_id: String,
    /// The file with its secret.
    pub client_secret_file: PathBuf,
    /// How long after the last event it is looked for more.
    pub interval: Duration,
    /// How far back is looked where nobody knows how far was read. None: as long as tokens live.
    pub look_back: Option<Duration>,
    /// How long one request may take.
    pub timeout: Duration,
}

impl ElsewhereConfig {
    /// Reads them from an issuer's table.
    pub(super) fn read(issuer: &mut Section<'_>) -> Self {
        let backchannel_logout = issuer.optional_section("backchannel_logout").map(read_logout_rules);
        let has_sessions = !issuer.set_keys(&["session_claim"]).is_empty();
        let token_revocation = issuer
            .optional_section("token_revocation")
            .and_then(|section| read_revocation_scope(section, has_sessions));
        let (auth0_logs, auth0_poll) = (issuer.optional_section("auth0_logs"), issuer.optional_section("auth0_poll"));
        let taken = auth0_logs.is_some() || auth0_poll.is_some();
        Self {
            backchannel_logout,
            token_revocation,
            auth0_logs: auth0_logs.and_then(read_auth0_logs),
            auth0_poll: auth0_poll.and_then(Auth0PollConfig::read),
            auth0_actions: read_auth0_actions(issuer, taken),
        }
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

/// `[issuer.auth0_logs]`
fn read_auth0_logs(mut section: Section<'_>) -> Option<PathBuf> {
    let secret_file = section.required("secret_file");
    section.finish();
    secret_file.map(PathBuf::from)
}

/// `[issuer.auth0_actions]`
fn read_auth0_actions(issuer: &mut Section<'_>, taken: bool) -> LogActions {
    let mut actions = LogActions::default();
    let Some(mut section) = issuer.optional_section("auth0_actions") else { return actions };
    for known in &LOG_CODES {
        if let Some(action) = section.choice(known.code, known.choices()) {
            actions.set(known.code, action);
        }
    }
    section.finish();
    if !taken {
        issuer
            .fault("auth0_actions", "says what to do about events that nobody takes; set auth0_logs or auth0_poll too");
    }
    actions
}

impl Auth0PollConfig {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let base_url = section.text("base_url").map(|url| url.trim_end_matches('/').to_owned());
        if let Some(Err(text)) = base_url.as_deref().map(check_base_url) {
            section.fault("base_url", text);
        }
        let client_id = section.required("client_id");
        let client_secret_file = section.required("client_secret_file");
        let interval = section.duration("interval").unwrap_or(Duration::from_secs(10));
        let look_back = section.positive_duration("look_back");
        let timeout = section.duration("timeout").unwrap_or(Duration::from_secs(10));
        for (key, value) in [("interval", interval), ("timeout", timeout)] {
            if value < Duration::from_secs(1) {
                section.fault(key, "must be at least 1s");
            }
        }
        section.finish();
        let client_secret_file = client_secret_file?.into();
        Some(Self { base_url, client_id: client_id?, client_secret_file, interval, look_back, timeout })
    }
}

/// Checks that a URL is that of a tenant: a host, and nothing after it.
///
/// # Errors
/// What is wrong with it.
pub fn check_base_url(url: &str) -> Result<(), String> {
    let parsed = check_url(url).map_err(|error| error.to_string())?;
    if parsed.path() != "/" || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(format!(
            "{url:?} must be the tenant's own domain, as \"https://acme.eu.auth0.com\", with nothing after it"
        ));
    }
    Ok(())
}
