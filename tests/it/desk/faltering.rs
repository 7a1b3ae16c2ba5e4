//! What comes while the store does not write is not taken, and is taken when it comes again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use curfew::{
    domain::{Issuer, NewLogout, Record, Recorded, Revision, Scope},
    outbound::StaticKeys,
    service::{
        ConfiguredIssuer, Curfew, Delivery, Elsewhere, EventNotTaken, EventTaken, GlobalTokenRevocation, Issuers,
        NotAllRevoked, SecurityEvents, TokenCache,
    },
    store::{Answers, Forgettable, MemoryStore, Status, Store, StoreError, View, Work},
    token::{
        Algorithm, CallerRules, ClaimAhead, CredentialChanges, Minter, Rules, SecurityEventRules, Signer, SubjectRules,
        key_set_from_jwks,
    },
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    global_token_revocation::{ENDPOINT, caller_claims, user},
    security_events::{RECEIVER, event_claims},
};
use crate::support::ISSUER;

/// A store that does not write while it falters.
struct Faltering {
    store: MemoryStore,
    falters: AtomicBool,
}

impl Store for Faltering {
    fn record(&self, logout: NewLogout) -> Work<'_, Recorded> {
        if self.falters.load(Ordering::SeqCst) {
            return Box::pin(async { Err(StoreError::Unavailable("it falters".into())) });
        }
        self.store.record(logout)
    }

    fn record_together(&self, logouts: Vec<NewLogout>) -> Answers<'_> {
        self.store.record_together(logouts)
    }

    fn view(&self) -> &View {
        self.store.view()
    }

    fn get(&self, scope: &Scope) -> Result<Option<Record>, StoreError> {
        self.store.get(scope)
    }

    fn revision(&self) -> Revision {
        self.store.revision()
    }

    fn reached(&self, revision: Revision) -> Work<'_, ()> {
        self.store.reached(revision)
    }

    fn forget(&self, forgettable: Forgettable) -> Work<'_, u64> {
        self.store.forget(forgettable)
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.store.status()
    }

    fn close(&self) -> Work<'_, ()> {
        self.store.close()
    }
}

/// An issuer of which security events and requests to revoke are taken.
fn issuer(minter: &Minter) -> ConfiguredIssuer {
    let algorithms = vec![Algorithm::Es256];
    let keys = key_set_from_jwks(minter.jwks().to_string().as_bytes(), &algorithms).unwrap();
    let rules = Rules {
        issuer: Issuer::parse(ISSUER).unwrap(),
        algorithms,
        audiences: vec!["api".to_owned()],
        types: vec!["at+jwt".to_owned()],
        leeway: Duration::from_secs(10),
        clock_skew: Duration::ZERO,
        max_token_lifetime: Duration::from_secs(86_400),
        last_logout: None,
        claim_ahead: ClaimAhead::Accept,
        session_claim: None,
    };
    let subjects = SubjectRules {
        issuers: vec![rules.issuer.clone()],
        opaque: None,
        email_is_subject: false,
        tenants: Vec::new(),
        critical: Vec::new(),
        widen: false,
        has_sessions: false,
    };
    let events = SecurityEventRules {
        transmitter: rules.issuer.clone(),
        audiences: vec![RECEIVER.to_owned()],
        allow_exp: false,
        legacy_subject: false,
        stream_id: None,
        verification_state: None,
        credential_changes: CredentialChanges::default(),
        subjects: subjects.clone(),
        leeway: rules.leeway,
    };
    let callers = CallerRules {
        endpoint: ENDPOINT.to_owned(),
        callers: vec!["okta-app".to_owned()],
        max_lifetime: Duration::from_secs(600),
        leeway: rules.leeway,
    };
    ConfiguredIssuer {
        name: "op".to_owned(),
        keys: Arc::new(StaticKeys::new(keys)),
        settle: false,
        reauthenticate: None,
        elsewhere: Elsewhere {
            security_events: Some(SecurityEvents { events, signer: rules.clone(), keys: None, push_secret: None }),
            global_token_revocation: Some(GlobalTokenRevocation {
                callers,
                signer: rules.clone(),
                subjects,
                legacy_subject: false,
            }),
            ..Elsewhere::default()
        },
        rules,
    }
}

#[tokio::test]
async fn what_came_while_the_store_did_not_write_is_taken_when_it_comes_again() {
    let minter = Minter::generate("k1").unwrap();
    let sign = |media_type: &str, claims: &Value| {
        let signer = Signer::from_pem(Algorithm::Es256, minter.private_pem().as_bytes(), Some("k1")).unwrap();
        signer.typed(Some(media_type)).sign(claims).unwrap()
    };
    let store = Arc::new(Faltering { store: MemoryStore::new(), falters: AtomicBool::new(true) });
    let issuers = Issuers::new(vec![issuer(&minter)]);
    let clock = Arc::new(curfew::app::SystemClock);
    let curfew = Curfew::new(issuers, Arc::clone(&store) as _, clock, TokenCache::new(0));
    let event = sign("secevent+jwt", &event_claims(&json!({})));
    let (caller, body) = (sign("JWT", &caller_claims(&json!({}))), user("bob").to_string());
    for _ in 0..2 {
        for by in [Delivery::Push(None), Delivery::Poll("op", "event-1")] {
            assert!(matches!(curfew.security_event(&event, by).await, Err(EventNotTaken::Failed(_))));
        }
        let revoked = curfew.global_token_revocation(Some(&caller), body.as_bytes()).await;
        assert!(matches!(revoked, Err(NotAllRevoked::Failed(_))));
    }
    store.falters.store(false, Ordering::SeqCst);
    let taken = curfew.security_event(&event, Delivery::Push(None)).await;
    assert!(matches!(taken, Ok(EventTaken::Recorded(_))), "{taken:?}");
    assert_eq!(curfew.security_event(&event, Delivery::Push(None)).await, Ok(EventTaken::Again));
    assert!(curfew.global_token_revocation(Some(&caller), body.as_bytes()).await.is_ok());
    // Now it was used.
    let again = curfew.global_token_revocation(Some(&caller), body.as_bytes()).await;
    assert!(matches!(again, Err(NotAllRevoked::Unauthenticated(_))), "{again:?}");
}
