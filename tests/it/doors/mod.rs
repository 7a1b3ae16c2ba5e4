//! The service through its door: what is asked, what is answered, what is refused and how, starting and stopping.

mod behaviour;
mod command_line;
mod lifecycle;
mod requests;
mod ways;

use std::{sync::Arc, time::Duration};

use curfew::{
    domain::Issuer,
    outbound::StaticKeys,
    service::ConfiguredIssuer,
    token::{Algorithm, ClaimAhead, ClaimFormat, LastLogoutClaim, Minter, Rules, key_set_from_jwks},
};

/// An issuer with every rule set, and a key that nobody has.
pub(crate) fn configured_issuer(name: &str, iss: &str) -> ConfiguredIssuer {
    let jwks = Minter::generate("k1").unwrap().jwks().to_string();
    let algorithms = vec![Algorithm::Es256];
    ConfiguredIssuer {
        name: name.to_owned(),
        keys: Arc::new(StaticKeys::new(key_set_from_jwks(jwks.as_bytes(), &algorithms).unwrap())),
        rules: Rules {
            issuer: Issuer::parse(iss).unwrap(),
            algorithms,
            audiences: vec!["https://api.example".to_owned()],
            types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
            leeway: Duration::from_secs(10),
            clock_skew: Duration::ZERO,
            max_token_lifetime: Duration::from_secs(3600),
            last_logout: Some(LastLogoutClaim { name: "last_logout".into(), format: ClaimFormat::Rfc3339 }),
            claim_ahead: ClaimAhead::Accept,
            session_claim: Some("sid".to_owned()),
        },
        settle: false,
        reauthenticate: None,
        elsewhere: Default::default(),
    }
}
