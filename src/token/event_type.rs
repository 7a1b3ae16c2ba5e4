//! The events of Shared Signals that Curfew knows, by their URIs: of CAEP 1.0, RISC 1.0, and of the framework itself.
//!
//! Those that are not here log nobody out, and their senders are told that they have been received.

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// CAEP, section 3.1; and `sessions-revoked` of RISC, which it replaces and which older senders still use.
    SessionRevoked,
    /// The user's tokens were revoked: an event of OAuth that one large sender has.
    TokensRevoked,
    /// CAEP, section 3.3.
    CredentialChange,
    /// RISC, section 2.3.
    AccountDisabled,
    /// RISC, section 2.2.
    AccountPurged,
    /// RISC, section 2.7.
    CredentialCompromise,
    /// The framework, section 8.1.4.1: the stream is tried.
    Verification,
    /// The framework, section 8.1.5: the stream was paused, disabled or enabled.
    StreamUpdated,
}

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const OAUTH: &str = "https://schemas.openid.net/secevent/oauth/event-type/";

/// The framework's own, under its present name and the one it had.
const FRAMEWORK: [&str; 2] =
    ["https://schemas.openid.net/secevent/ssf/event-type/", "https://schemas.openid.net/secevent/sse/event-type/"];

impl EventType {
    /// The event of this URI. None: it is not known.
    #[must_use]
    pub fn of(uri: &str) -> Option<Self> {
        if let Some(name) = uri.strip_prefix(CAEP) {
            return match name {
                "session-revoked" => Some(Self::SessionRevoked),
                "credential-change" => Some(Self::CredentialChange),
                _ => None,
            };
        }
        if let Some(name) = uri.strip_prefix(RISC) {
            return match name {
                "sessions-revoked" => Some(Self::SessionRevoked),
                "account-disabled" => Some(Self::AccountDisabled),
                "account-purged" => Some(Self::AccountPurged),
                "credential-compromise" => Some(Self::CredentialCompromise),
                "verification" => Some(Self::Verification),
                _ => None,
            };
        }
        if let Some(name) = uri.strip_prefix(OAUTH) {
            return (name == "tokens-revoked").then_some(Self::TokensRevoked);
        }
        match FRAMEWORK.into_iter().find_map(|prefix| uri.strip_prefix(prefix)) {
            Some("verification") => Some(Self::Verification),
            Some("stream-updated") => Some(Self::StreamUpdated),
            Some(_) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_known_by_its_uri_and_by_nothing_like_it() {
        for (name, event) in [
            ("caep/event-type/session-revoked", EventType::SessionRevoked),
            ("risc/event-type/sessions-revoked", EventType::SessionRevoked),
            ("oauth/event-type/tokens-revoked", EventType::TokensRevoked),
            ("caep/event-type/credential-change", EventType::CredentialChange),
            ("risc/event-type/account-disabled", EventType::AccountDisabled),
            ("risc/event-type/account-purged", EventType::AccountPurged),
            ("risc/event-type/credential-compromise", EventType::CredentialCompromise),
            ("ssf/event-type/verification", EventType::Verification),
            ("sse/event-type/verification", EventType::Verification),
            ("risc/event-type/verification", EventType::Verification),
            ("ssf/event-type/stream-updated", EventType::StreamUpdated),
        ] {
            let uri = format!("https://schemas.openid.net/secevent/{name}");
            assert_eq!(EventType::of(&uri), Some(event), "{name}");
            let alike = [
                format!("{uri}/"),
                format!("{uri}x"),
                uri.replace("https", "http"),
                uri.to_uppercase(),
                uri.replace("schemas", "Schemas"),
            ];
            assert!(alike.iter().all(|uri| EventType::of(uri).is_none()), "{name}");
        }
        for name in [
            "caep/event-type/sessions-revoked",
            "risc/event-type/session-revoked",
            "risc/event-type/account-enabled",
            "",
        ] {
            assert_eq!(EventType::of(&format!("https://schemas.openid.net/secevent/{name}")), None, "{name}");
        }
    }
}
