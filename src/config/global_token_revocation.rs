//! `[issuer.global_token_revocation]`: who may ask for all tokens of a user to be revoked.

use std::time::Duration;

use super::{elsewhere::Holder, reader::Section};
use crate::{
    service::GlobalTokenRevocation,
    token::{CallerRules, Family, NameOf, SubjectRules},
};

/// More than this is no longer for one request.
const MOST_LIFETIME: Duration = Duration::from_secs(3600);

/// Reads it. None: there are faults.
pub(super) fn read(mut section: Section<'_>, holder: &Holder<'_>) -> Option<GlobalTokenRevocation> {
    let endpoint = section.required("endpoint");
    if let Some(endpoint) = &endpoint {
        check_endpoint(&section, endpoint, holder);
    }
    let callers = section.list("callers").unwrap_or_default();
    if callers.is_empty() || callers.iter().any(String::is_empty) {
        section.fault(
            "callers",
            "must name at least one, and none may be empty: an identity provider signs such requests for every customer \
             of its own. It is what the provider calls you: a client id",
        );
    }
    let max_lifetime = section.positive_duration("max_lifetime").unwrap_or(Duration::from_secs(600));
    if max_lifetime > MOST_LIFETIME {
        section.fault("max_lifetime", "must be at most 1h: a token that is good for one request need not hold longer");
    }
    let opaque = section.choice("opaque", &[("subject", NameOf::Subject)]);
    let email_is_subject = section.choice("email", &[("subject", true)]).unwrap_or(false);
    let legacy_subject = section.flag("legacy_subject").unwrap_or(false);
    let mut algorithms = holder.algorithms?.to_vec();
    algorithms.retain(|algorithm| algorithm.family() != Family::Hmac);
    if algorithms.is_empty() {
        section.fault(
            "endpoint",
            "needs an issuer with public keys: whoever can verify with a shared secret could ask, too",
        );
    }
    section.finish();
    let issuer = holder.issuer?;
    Some(GlobalTokenRevocation {
        callers: CallerRules { endpoint: endpoint?, callers, max_lifetime, leeway: holder.leeway },
        signer: holder.signer(issuer.clone(), algorithms),
        subjects: SubjectRules {
            issuers: vec![issuer.clone()],
            opaque,
            email_is_subject,
            tenants: Vec::new(),
            critical: Vec::new(),
            widen: false,
            has_sessions: false,
        },
        legacy_subject,
    })
}

/// The URL is compared as text, and must be good for nothing else.
fn check_endpoint(section: &Section<'_>, endpoint: &str, holder: &Holder<'_>) {
    if !(endpoint.starts_with("https://") || endpoint.starts_with("http://")) || endpoint.contains(['?', '#', ' ']) {
        section.fault(
            "endpoint",
            format!("{endpoint:?} is not the URL at which this endpoint is reached, without a query or a fragment"),
        );
    }
    if holder.audiences.iter().any(|audience| audience == endpoint) {
        section
            .fault("endpoint", "is one of audiences: an access token could ask for everybody's tokens to be revoked");
    }
}
