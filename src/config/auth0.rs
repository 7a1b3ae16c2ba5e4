//! `[issuer.auth0_logs]`, `[issuer.auth0_poll]` and `[issuer.auth0_actions]`: the log of an Auth0 tenant.

use std::{path::PathBuf, time::Duration};

use super::reader::Section;
use crate::{
    outbound::check_url,
    token::{LOG_CODES, LogActions},
};

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

/// `[issuer.auth0_logs]`
pub(super) fn read_logs(mut section: Section<'_>) -> Option<PathBuf> {
    let secret_file = section.required("secret_file");
    section.finish();
    secret_file.map(PathBuf::from)
}

/// `[issuer.auth0_actions]`
pub(super) fn read_actions(issuer: &mut Section<'_>, taken: bool) -> LogActions {
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
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
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
