//! A front desk to be fuzzed: the real routes on a store in memory, by a clock that stands still.
//!
//! What must hold whatever is sent: nothing panics, no answer is a 5xx, what says that it is JSON is, and nothing is recorded
//! unless the target says that it may be.

use std::{cell::RefCell, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header::{AUTHORIZATION, CONTENT_TYPE}},
};
use curfew::{
    domain::{Clock, Issuer, Timestamp},
    outbound::StaticKeys,
    service::{ConfiguredIssuer, Curfew, Elsewhere, GlobalTokenRevocation, Issuers, SecurityEvents, TokenCache},
    store::MemoryStore,
    token::{
        Algorithm, CallerRules, ClaimAhead, ClaimFormat, CredentialChanges, LastLogoutClaim, LogoutTokenRules, Minter, Rules,
        Secret, SecurityEventRules, Signer, SubjectRules, key_set_from_jwks,
    },
    transport::http::{HttpClient, HttpClients, Vitals, routes},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{runtime::Runtime, sync::watch};
use tower::ServiceExt;

pub const ISSUER: &str = "https://op.example";
pub const NOW: i64 = 1_780_000_000_000;

/// The endpoint of Global Token Revocation, as its caller knows it.
pub const REVOCATION: &str = "https://curfew.example/global-token-revocation";

/// Who may ask about tokens, and its secret.
pub const CLIENT: &str = "gateway";
pub const CLIENT_SECRET: &str = "the-gateway-s-own-secret";

/// The `Authorization` header of the issuer's log stream.
const STREAM_SECRET: &str = "Bearer the-stream-s-own-secret";

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW).expect("an instant")
    }
}

/// The routes and what is behind them.
pub struct Desk {
    router: Router,
    runtime: Runtime,
    signer: Signer,
    transmitter: Signer,
    curfew: Arc<Curfew>,
}

/// How many inputs one desk is used for: it remembers what it was told.
const USES: u32 = 50_000;

thread_local! {
    static DESK: RefCell<(Desk, u32)> = RefCell::new((Desk::new(), 0));
}

/// With the desk of this thread.
pub fn desk<T>(with: impl FnOnce(&Desk) -> T) -> T {
    DESK.with_borrow_mut(|(desk, uses)| {
        *uses += 1;
        if *uses % USES == 0 {
            *desk = Desk::new();
        }
        with(desk)
    })
}

fn issuer(minter: &Minter) -> ConfiguredIssuer {
    let algorithms = vec![Algorithm::Es256];
    let keys = key_set_from_jwks(minter.jwks().to_string().as_bytes(), &algorithms).expect("keys");
    let rules = Rules {
        issuer: Issuer::parse(ISSUER).expect("an issuer"),
        algorithms,
        audiences: vec!["https://api.example".to_owned()],
        types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
        leeway: Duration::from_secs(10),
        clock_skew: Duration::ZERO,
        max_token_lifetime: Duration::from_secs(3600),
        last_logout: Some(LastLogoutClaim { name: "last_logout".into(), format: ClaimFormat::Rfc3339 }),
        claim_ahead: ClaimAhead::Accept,
        session_claim: Some("sid".to_owned()),
    };
    ConfiguredIssuer {
        name: "op".to_owned(),
        keys: Arc::new(StaticKeys::new(keys)),
        settle: false,
        reauthenticate: None,
        elsewhere: Elsewhere {
            backchannel_logout: Some(LogoutTokenRules {
                client_ids: vec!["web".to_owned()],
                strict_type: false,
                max_age: Duration::from_secs(120),
            }),
            security_events: Some(security_events(&rules)),
            auth0_stream: Some(Secret::new(STREAM_SECRET)),
            global_token_revocation: Some(GlobalTokenRevocation {
                callers: CallerRules {
                    endpoint: REVOCATION.to_owned(),
                    callers: vec!["my-app".to_owned()],
                    max_lifetime: Duration::from_secs(600),
                    leeway: rules.leeway,
                },
                signer: rules.clone(),
                subjects: subjects(&rules),
                legacy_subject: true,
            }),
            ..Elsewhere::default()
        },
        rules,
    }
}

fn subjects(rules: &Rules) -> SubjectRules {
    SubjectRules {
        issuers: vec![rules.issuer.clone()],
        opaque: None,
        email_is_subject: false,
        tenants: Vec::new(),
        critical: Vec::new(),
        widen: false,
        has_sessions: true,
    }
}

fn security_events(rules: &Rules) -> SecurityEvents {
    let events = SecurityEventRules {
        transmitter: rules.issuer.clone(),
        audiences: vec!["https://curfew.example".to_owned()],
        allow_exp: false,
        legacy_subject: false,
        stream_id: None,
        verification_state: None,
        credential_changes: CredentialChanges::default(),
        subjects: subjects(rules),
        leeway: rules.leeway,
    };
    SecurityEvents { events, signer: rules.clone(), keys: None, push_secret: None }
}

impl Desk {
    fn new() -> Self {
        let minter = Minter::generate("k1").expect("a key");
        let pem = minter.private_pem();
        let signer = || Signer::from_pem(Algorithm::Es256, pem.as_bytes(), Some("k1")).expect("a key");
        let (signer, transmitter) = (signer(), signer().typed(Some("secevent+jwt")));
        let clock: Arc<dyn Clock> = Arc::new(Still);
        let issuers = Issuers::new(vec![issuer(&minter)]);
        let store = Arc::new(MemoryStore::new());
        let curfew = Arc::new(Curfew::new(issuers, store, Arc::clone(&clock), TokenCache::new(1 << 20)));
        let client = HttpClient::new(CLIENT, Secret::new(CLIENT_SECRET), Vec::new());
        let clients = HttpClients::new(vec![client]);
        let (_, probes) = watch::channel(Vitals::STARTING);
        let router = routes(Arc::clone(&curfew), clock, probes, clients, Duration::from_secs(10)).expect("routes");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { router, runtime, signer, transmitter, curfew }
    }

    /// A token with these claims, signed as the issuer signs.
    pub fn signed(&self, claims: &Value) -> Option<String> {
        self.signer.sign(claims).ok()
    }

    /// A security event token with these claims, signed likewise.
    pub fn security_event(&self, claims: &Value) -> Option<String> {
        self.transmitter.sign(claims).ok()
    }

    /// The position of the last change.
    pub fn revision(&self) -> u64 {
        self.curfew.revision().0
    }

    /// Sends a request; what it is answered.
    pub fn send(&self, method: Method, target: &str, content_type: &str, body: &[u8]) -> Option<(StatusCode, Vec<u8>)> {
        self.send_as(STREAM_SECRET.as_bytes(), method, target, content_type, body)
    }

    /// Sends a request with this `Authorization`.
    pub fn send_as(
        &self,
        authorization: &[u8],
        method: Method,
        target: &str,
        content_type: &str,
        body: &[u8],
    ) -> Option<(StatusCode, Vec<u8>)> {
        let request = Request::builder().method(method).uri(target).header(CONTENT_TYPE, content_type);
        let request = request.header(AUTHORIZATION, authorization);
        // What is no header or no target is not sent by anybody's library, nor taken by ours.
        let request = request.body(Body::from(body.to_vec())).ok()?;
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
            let status = response.status();
            let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
            let bytes = response.into_body().collect().await.expect("a body").to_bytes();
            assert!(!status.is_server_error(), "{status}: {}", String::from_utf8_lossy(&bytes));
            if is_json {
                serde_json::from_slice::<Value>(&bytes).expect("JSON");
            }
            Some((status, bytes.to_vec()))
        })
    }

    /// Sends a request by which nothing may be recorded.
    pub fn send_in_vain(&self, method: Method, target: &str, content_type: &str, body: &[u8]) {
        let before = self.revision();
        self.send(method, target, content_type, body);
        assert_eq!(self.revision(), before, "a logout was recorded");
    }
}
