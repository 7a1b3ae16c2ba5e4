//! `[issuer.security_events]`: whose security events are taken, and what they mean.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use super::{
    elsewhere::Holder,
    issuer::{KeysConfig, read_algorithms},
    reader::Section,
};
use crate::{
    domain::Issuer,
    outbound::check_url,
    token::{CredentialChanges, NameOf, Pattern, Rules, SecurityEventRules, SubjectRules},
};

/// How many tokens may be asked for at once: with the longest, that is as much as is read.
const AT_ONCE: RangeInclusive<u64> = 1..=200;

/// How an issuer's security events are verified, read and fetched.
#[derive(Debug, Clone)]
pub struct SecurityEventsConfig {
    /// What they must satisfy, and what they mean.
    pub events: SecurityEventRules,
    /// By which algorithms they are signed, and by whom.
    pub signer: Rules,
    /// Where the transmitter's own keys are. None: the issuer's are used.
    pub keys: Option<KeysConfig>,
    /// The file with what whoever pushes them must say in the header `Authorization`.
    pub push_secret_file: Option<PathBuf>,
    /// How they are fetched. None: they are not.
    pub poll: Option<PollConfig>,
}

/// How security events are fetched (RFC 8936).
#[derive(Debug, Clone)]
pub struct PollConfig {
    /// From where.
    pub url: String,
    /// The file with what to say in the header `Authorization`.
    pub secret_file: Option<PathBuf>,
    /// How long the transmitter may wait for an event before it answers. Zero: it is to answer at once.
    pub wait: Duration,
    /// How long an answer may take beyond that.
    pub timeout: Duration,
    /// The shortest time between two questions of which the first brought nothing new.
    pub interval: Duration,
    /// How many tokens are asked for at once.
    pub max_events: u32,
}

impl SecurityEventsConfig {
    /// None: there are faults.
    pub(super) fn read(mut section: Section<'_>, holder: &Holder<'_>) -> Option<Self> {
        let transmitter = section.text("issuer").map_or_else(
            || holder.issuer.cloned(),
            |text| Issuer::parse(&text).map_err(|error| section.fault("issuer", error.to_string())).ok(),
        );
        let audiences = section.list("audiences").unwrap_or_default();
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            section.fault(
                "audiences",
                "must name at least one, and none may be empty: without it, events for anybody pass. It is what the \
                 transmitter calls you",
            );
        }
        let algorithms = if section.set_keys(&["algorithms"]).is_empty() {
            holder.algorithms.map(<[_]>::to_vec)
        } else {
            read_algorithms(&mut section)
        };
        let keys = section.optional_section("keys");
        let keys = keys.map(|keys| KeysConfig::read(keys, transmitter.as_ref(), algorithms.as_deref()));
        let subjects = read_subjects(&mut section, holder);
        let credential_changes = read_changes(&mut section);
        let allow_exp = section.flag("allow_exp").unwrap_or(false);
        let legacy_subject = section.flag("legacy_subject").unwrap_or(false);
        let [stream_id, verification_state, push_secret_file] =
            ["stream_id", "verification_state", "push_secret_file"].map(|key| section.text(key));
        let poll = PollConfig::read(&mut section);
        section.finish();
        let signed_by = if keys.is_some() { transmitter.clone() } else { holder.issuer.cloned() };
        Some(Self {
            events: SecurityEventRules {
                transmitter: transmitter?,
                audiences,
                allow_exp,
                legacy_subject,
                stream_id,
                verification_state,
                credential_changes,
                subjects: subjects?,
                leeway: holder.leeway,
            },
            signer: holder.signer(signed_by?, algorithms?),
            keys: keys.map_or(Some(None), |keys| keys.map(Some))?,
            push_secret_file: push_secret_file.map(PathBuf::from),
            poll,
        })
    }
}

fn read_subjects(section: &mut Section<'_>, holder: &Holder<'_>) -> Option<SubjectRules> {
    let issuers = match section.list("subject_issuers") {
        None => holder.issuer.map(|issuer| vec![issuer.clone()]),
        Some(names) => {
            let parsed: Result<Vec<_>, _> = names.iter().map(|name| Issuer::parse(name)).collect();
            let parsed = parsed.map_err(|error| section.fault("subject_issuers", format!("one of them {error}"))).ok();
            parsed.filter(|issuers| {
                if issuers.is_empty() {
                    section.fault("subject_issuers", "must name at least one: whose subjects are meant?");
                }
                !issuers.is_empty()
            })
        }
    };
    let opaque = section.choice("opaque", &[("subject", NameOf::Subject), ("session", NameOf::Session)]);
    if opaque == Some(NameOf::Session) && !holder.has_sessions {
        section.fault("opaque", "\"session\" needs session_claim: otherwise no token would be found by it");
    }
    Some(SubjectRules {
        opaque,
        email_is_subject: section.choice("email", &[("subject", true)]).unwrap_or(false),
        tenants: section.list("tenants").unwrap_or_default(),
        critical: section.list("critical_subject_members").unwrap_or_default(),
        widen: section.flag("widen").unwrap_or(false),
        has_sessions: holder.has_sessions,
        issuers: issuers?,
    })
}

fn read_changes(section: &mut Section<'_>) -> CredentialChanges {
    let Some(texts) = section.list("credential_changes") else { return CredentialChanges::default() };
    let mut patterns: Vec<Pattern> = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        match text.parse() {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => section.fault("credential_changes", format!("{text:?} {error}")),
        }
    }
    CredentialChanges::new(patterns)
}

impl PollConfig {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        const NEEDS_URL: [&str; 5] =
            ["poll_secret_file", "poll_wait", "poll_timeout", "poll_interval", "poll_max_events"];
        let url = section.text("poll_url");
        let others = section.set_keys(&NEEDS_URL);
        let secret_file = section.text("poll_secret_file").map(PathBuf::from);
        let wait = section.duration("poll_wait").unwrap_or(Duration::from_secs(30));
        let timeout = section.positive_duration("poll_timeout").unwrap_or(Duration::from_secs(10));
        let interval = section.positive_duration("poll_interval").unwrap_or(Duration::from_secs(5));
        let max_events = section.number("poll_max_events", AT_ONCE).and_then(|number| u32::try_from(number).ok());
        let Some(url) = url else {
            for key in others {
                section.fault(key, "goes with poll_url: where are events to be fetched?");
            }
            return None;
        };
        if let Err(error) = check_url(&url) {
            section.fault("poll_url", error.to_string());
        }
        if wait > Duration::from_secs(600) {
            section.fault(
                "poll_wait",
                "must be at most 10m: nothing between here and there keeps a silent connection longer",
            );
        }
        Some(Self { url, secret_file, wait, timeout, interval, max_events: max_events.unwrap_or(100) })
    }
}
