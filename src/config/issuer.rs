//! `[[issuer]]`: whose tokens are decided on, and how.

use std::{path::PathBuf, str::FromStr, time::Duration};

use super::{
    elsewhere::{ElsewhereConfig, Holder},
    reader::Section,
};
use crate::{
    domain::{Issuer, KeyId},
    outbound::{RefreshSettings, check_url},
    token::{Algorithm, ClaimAhead, ClaimFormat, Family, LastLogoutClaim, Rules},
};

/// Claims that mean something else already.
const REGISTERED: [&str; 10] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_time", "client_id", "azp"];

/// More than this is no longer a difference of clocks.
const MOST_LEEWAY: Duration = Duration::from_secs(300);

/// A logout that settles takes as long, and a call may not take for ever.
const MOST_SKEW: Duration = Duration::from_secs(30);

/// One issuer.
#[derive(Debug, Clone)]
pub struct IssuerConfig {
    /// Its short name.
    pub name: String,
    /// What its tokens must satisfy.
    pub rules: Rules,
    /// Where its keys are.
    pub keys: KeysConfig,
    /// Whether a logout settles unless the request says otherwise.
    pub settle: bool,
    /// Whether a subject's logout ends the authentication, whatever its reason.
    pub reauthenticate: Option<bool>,
    /// How its logouts come that no frontend reports.
    pub elsewhere: ElsewhereConfig,
}

/// Where an issuer's keys are.
#[derive(Debug, Clone)]
pub enum KeysConfig {
    /// Where its discovery document says.
    Discovery(RemoteKeysConfig),
    /// At this URL.
    JwksUrl(String, RemoteKeysConfig),
    /// A JWK Set in a file.
    JwksFile(PathBuf),
    /// A public key in a PEM file, and its `kid` if it shall have one.
    PemFile(PathBuf, Option<KeyId>),
    /// A secret in a file, and its `kid` if it shall have one.
    HmacSecretFile(PathBuf, Option<KeyId>),
}

/// How keys are fetched.
#[derive(Debug, Clone, Copy)]
pub struct RemoteKeysConfig {
    /// How often.
    pub settings: RefreshSettings,
    /// How long one fetch may take.
    pub timeout: Duration,
}

impl IssuerConfig {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let name = read_name(&mut section);
        let issuer = section
            .required("issuer")
            .and_then(|text| Issuer::parse(&text).map_err(|error| section.fault("issuer", error.to_string())).ok());
        let algorithms = read_algorithms(&mut section);
        let audiences = section.list("audiences").unwrap_or_default();
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            section.fault(
                "audiences",
                "must name at least one, and none may be empty: without it, tokens for anybody pass",
            );
        }
        let keys = KeysConfig::read(section.section("keys"), issuer.as_ref(), algorithms.as_deref());
        let last_logout = read_last_logout(&mut section);
        let session_claim = read_claim_name(&mut section, "session_claim");
        if let (Some(one), Some(other)) = (&last_logout, &session_claim)
            && *one.name == **other
        {
            section.fault("session_claim", format!("{other:?} is the last_logout_claim; it cannot be both"));
        }
        let max_token_lifetime = section.duration("max_token_lifetime").unwrap_or(Duration::from_secs(24 * 3600));
        if max_token_lifetime.is_zero() {
            section.fault("max_token_lifetime", "must be more than nothing");
        }
        let leeway = read_leeway(&mut section, "leeway", Duration::from_secs(10), MOST_LEEWAY);
        let clock_skew = read_leeway(&mut section, "clock_skew", Duration::ZERO, MOST_SKEW);
        let claim_ahead =
            section.choice("claim_ahead", &[("accept", ClaimAhead::Accept), ("refuse", ClaimAhead::Refuse)]);
        let types = read_types(&mut section);
        let settle = section.flag("settle").unwrap_or(false);
        let reauthenticate = section.flag("reauthenticate");
        let holder = Holder {
            issuer: issuer.as_ref(),
            algorithms: algorithms.as_deref(),
            audiences: &audiences,
            leeway,
            clock_skew,
            has_sessions: session_claim.is_some(),
        };
        let elsewhere = ElsewhereConfig::read(&mut section, &holder);
        section.finish();
        Some(Self {
            name: name?,
            rules: Rules {
                issuer: issuer?,
                algorithms: algorithms?,
                audiences,
                types,
                leeway,
                clock_skew,
                max_token_lifetime,
                last_logout,
                claim_ahead: claim_ahead.unwrap_or_default(),
                session_claim,
            },
            keys: keys?,
            settle,
            reauthenticate,
            elsewhere,
        })
    }
}

fn read_name(section: &mut Section<'_>) -> Option<String> {
    let name = section.required("name")?;
    let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > 64 || !name.chars().all(fit) {
        section.fault("name", format!("{name:?} must be 1 to 64 of a-z, 0-9 and -, for it stands in URLs and metrics"));
        return None;
    }
    Some(name)
}

pub(super) fn read_algorithms(section: &mut Section<'_>) -> Option<Vec<Algorithm>> {
    let names = section.list("algorithms").unwrap_or_default();
    if names.is_empty() {
        section.fault("algorithms", "must name at least one, as [\"RS256\"]: tokens must not choose their own");
        return None;
    }
    let mut algorithms = Vec::new();
    for name in &names {
        match Algorithm::from_str(name) {
            Ok(algorithm) => algorithms.push(algorithm),
            Err(error) => section.fault("algorithms", format!("{name:?} {error}")),
        }
    }
    (algorithms.len() == names.len()).then_some(algorithms)
}

fn read_last_logout(section: &mut Section<'_>) -> Option<LastLogoutClaim> {
    let formats = [
        ("rfc3339", ClaimFormat::Rfc3339),
        ("seconds", ClaimFormat::Seconds),
        ("milliseconds", ClaimFormat::Milliseconds),
    ];
    let format = section.choice("last_logout_format", &formats);
    let Some(name) = read_claim_name(section, "last_logout_claim") else {
        if format.is_some() {
            section.fault("last_logout_format", "says how a claim is written; set last_logout_claim too");
        }
        return None;
    };
    Some(LastLogoutClaim { name: name.into(), format: format.unwrap_or(ClaimFormat::Rfc3339) })
}

fn read_claim_name(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    let name = section.text(key)?;
    if name.is_empty() || REGISTERED.contains(&name.as_str()) {
        section.fault(key, format!("{name:?} cannot be that claim; it has a meaning of its own or none"));
        return None;
    }
    Some(name)
}

fn read_leeway(section: &mut Section<'_>, key: &'static str, default: Duration, most: Duration) -> Duration {
    let leeway = section.duration(key).unwrap_or(default);
    if leeway > most {
        let most = humantime::format_duration(most);
        section.fault(key, format!("must be at most {most}: more is no longer a difference of clocks"));
    }
    leeway
}

fn read_types(section: &mut Section<'_>) -> Vec<String> {
    let types = section.list("types").unwrap_or_else(|| vec!["JWT".to_owned(), "at+jwt".to_owned()]);
    if types.is_empty() || types.iter().any(String::is_empty) {
        section.fault("types", "must name at least one media type, as [\"JWT\", \"at+jwt\"], and none may be empty");
    }
    let short = |media_type: &String| {
        let lower = media_type.to_ascii_lowercase();
        lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
    };
    types.iter().map(short).collect()
}

impl KeysConfig {
    pub(super) fn read(
        mut section: Section<'_>,
        issuer: Option<&Issuer>,
        algorithms: Option<&[Algorithm]>,
    ) -> Option<Self> {
        const SOURCES: [&str; 5] = ["discovery", "jwks_url", "jwks_file", "pem_file", "hmac_secret_file"];
        let source = match section.set_keys(&SOURCES).as_slice() {
            [one] => Some(*one),
            [] => {
                section.fault("keys", format!("must name one source: {}", SOURCES.join(", ")));
                None
            }
            several => {
                section.fault("keys", format!("must name one source; these are {}", several.join(" and ")));
                None
            }
        };
        let discovery = section.flag("discovery");
        let [jwks_url, jwks_file, pem_file, hmac_file] =
            ["jwks_url", "jwks_file", "pem_file", "hmac_secret_file"].map(|key| section.text(key));
        let remote = RemoteKeysConfig::read(&mut section);
        let kid = section
            .text("kid")
            .and_then(|text| KeyId::parse(&text).map_err(|error| section.fault("kid", error.to_string())).ok());
        if kid.is_some() && !matches!(source, Some("pem_file" | "hmac_secret_file") | None) {
            section.fault("kid", "goes with pem_file or hmac_secret_file; the keys of a set have their own");
        }
        check_family(&section, source, algorithms);
        let keys = match source {
            Some("discovery") if discovery == Some(true) => {
                check_remote(&section, "discovery", issuer.map(Issuer::as_str));
                Some(Self::Discovery(remote))
            }
            Some("discovery") => {
                section
                    .fault("discovery", "can only be true; to have keys from elsewhere, name another source instead");
                None
            }
            Some("jwks_url") => {
                check_remote(&section, "jwks_url", jwks_url.as_deref());
                jwks_url.map(|url| Self::JwksUrl(url, remote))
            }
            Some("jwks_file") => jwks_file.map(|path| Self::JwksFile(path.into())),
            Some("pem_file") => pem_file.map(|path| Self::PemFile(path.into(), kid)),
            Some("hmac_secret_file") => hmac_file.map(|path| Self::HmacSecretFile(path.into(), kid)),
            _ => None,
        };
        section.finish();
        keys
    }
}

/// Secrets and public keys are never mixed: an algorithm of the one kind with a key of the other is how tokens are forged.
fn check_family(section: &Section<'_>, source: Option<&str>, algorithms: Option<&[Algorithm]>) {
    let (Some(source), Some(algorithms)) = (source, algorithms) else { return };
    let secret = source == "hmac_secret_file";
    for algorithm in algorithms.iter().filter(|algorithm| (algorithm.family() == Family::Hmac) != secret) {
        let text = if secret {
            format!("{algorithm} does not fit a shared secret; use HS256, HS384 or HS512, or another source of keys")
        } else {
            format!("{algorithm} does not fit public keys; it needs hmac_secret_file")
        };
        section.fault(source, text);
    }
}

fn check_remote(section: &Section<'_>, key: &'static str, url: Option<&str>) {
    if let Some(Err(error)) = url.map(check_url) {
        section.fault(key, error.to_string());
    }
}

impl RemoteKeysConfig {
    fn read(section: &mut Section<'_>) -> Self {
        let or = |found: Option<Duration>, seconds| found.unwrap_or(Duration::from_secs(seconds));
        let settings = RefreshSettings {
            refresh: or(section.duration("refresh"), 600),
            cooldown: or(section.duration("cooldown"), 10),
            max_age: or(section.duration("max_age"), 24 * 3600),
        };
        let timeout = or(section.duration("timeout"), 5);
        let second = Duration::from_secs(1);
        for (key, value) in [("refresh", settings.refresh), ("cooldown", settings.cooldown), ("timeout", timeout)] {
            if value < second {
                section.fault(key, "must be at least 1s");
            }
        }
        if settings.cooldown > settings.refresh {
            section.fault("cooldown", "must not be longer than refresh");
        }
        if settings.max_age < settings.refresh {
            section.fault("max_age", "must not be shorter than refresh, or keys would expire between two fetches");
        }
        Self { settings, timeout }
    }
}
