//! Verified tokens are remembered, and never a verdict: whatever decides is decided anew.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use curfew::{
    domain::{KeyId, LogoutReason, Source, SubjectId, Timestamp},
    service::{Curfew, Issuers, LogoutRequest, ServiceError, Target, TokenCache, TokenRequest},
    store::MemoryStore,
    token::{Algorithm, KeySet, KeySource, KeysUnavailable, Minter, Verdict, key_set_from_jwks},
};
use serde_json::{Value, json};

use crate::{doors::configured_issuer, support::ManualClock};

const NOW: i64 = 1_780_000_000;
const ISS: &str = "https://op.example";

/// Keys that a test changes, or takes away.
struct Rotating {
    keys: Mutex<Arc<KeySet>>,
    gone: AtomicBool,
}

impl Rotating {
    fn set(&self, minters: &[&Minter]) {
        let sets: Vec<Value> =
            minters.iter().flat_map(|minter| minter.jwks()["keys"].as_array().unwrap().clone()).collect();
        let jwks = json!({ "keys": sets }).to_string();
        *self.keys.lock().unwrap() = Arc::new(key_set_from_jwks(jwks.as_bytes(), &[Algorithm::Es256]).unwrap());
    }
}

impl KeySource for Rotating {
    fn current(&self, _now: Timestamp) -> Result<Arc<KeySet>, KeysUnavailable> {
        if self.gone.load(Ordering::SeqCst) {
            return Err(KeysUnavailable("they are too old".to_owned()));
        }
        Ok(Arc::clone(&self.keys.lock().unwrap()))
    }

    fn is_current(&self, keys: &Arc<KeySet>, now: Timestamp) -> Result<bool, KeysUnavailable> {
        Ok(Arc::ptr_eq(keys, &self.current(now)?))
    }

    fn look_again(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn are_complete(&self, _now: Timestamp) -> bool {
        true
    }

    fn has_key_ids(&self) -> bool {
        true
    }
}

struct World {
    curfew: Curfew,
    clock: Arc<ManualClock>,
    keys: Arc<Rotating>,
    minter: Minter,
}

impl World {
    fn new(cache_bytes: u64) -> Self {
        let minter = Minter::generate("k1").unwrap();
        let keys = Arc::new(Rotating { keys: Mutex::default(), gone: AtomicBool::new(false) });
        keys.set(&[&minter]);
        let clock = Arc::new(ManualClock::at(NOW * 1000));
        let mut issuer = configured_issuer("op", ISS);
        issuer.keys = Arc::clone(&keys) as _;
        let issuers = Issuers::new(vec![issuer]);
        let store = Arc::new(MemoryStore::new());
        let curfew = Curfew::new(issuers, store, Arc::clone(&clock) as _, TokenCache::new(cache_bytes));
        Self { curfew, clock, keys, minter }
    }

    fn token_of(&self, subject: &str, more: &Value) -> String {
        let mut claims =
            json!({"iss": ISS, "sub": subject, "aud": "https://api.example", "iat": NOW - 10, "exp": NOW + 600});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.minter.sign(&claims).unwrap()
    }

    fn token(&self) -> String {
        self.token_of("ann", &json!({}))
    }

    async fn ask(&self, raw_token: &str, audiences: &[&str]) -> Result<Verdict, ServiceError> {
        let audiences: Vec<String> = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        let request = TokenRequest {
            raw_token: raw_token.as_bytes(),
            audiences: &audiences,
            min_revision: Default::default(),
            include_claims: false,
        };
        let answer = self.curfew.validate_token(&request).await?;
        Ok(answer.decision.map_or_else(|refusal| refusal.verdict(), |_| Verdict::Valid))
    }

    async fn verdict(&self, raw_token: &str) -> Verdict {
        self.ask(raw_token, &[]).await.unwrap()
    }

    async fn log_out(&self, target: Target, reason: LogoutReason) {
        let request = LogoutRequest {
            target,
            logout_time: None,
            reason,
            source: Source::Grpc,
            reauthenticate: None,
            settle: None,
        };
        self.curfew.record_logout(request).await.unwrap();
    }

    /// How often a token was found, and how many there are.
    fn found_and_kept(&self) -> (u64, u64) {
        let stats = self.curfew.cache_stats();
        (stats.hits, stats.tokens)
    }
}

fn of_op<T>(id: T) -> (String, T) {
    ("op".to_owned(), id)
}

#[tokio::test]
async fn a_token_is_found_again_and_honoured_again() {
    let world = World::new(1 << 20);
    let token = world.token();
    for asked in 0..3 {
        assert_eq!(world.verdict(&token).await, Verdict::Valid);
        assert_eq!(world.found_and_kept(), (asked, 1));
    }
}

#[tokio::test]
async fn a_logout_is_obeyed_at_the_next_call() {
    let world = World::new(1 << 20);
    let token = world.token();
    assert_eq!(world.verdict(&token).await, Verdict::Valid);
    let (issuer, subject) = of_op(SubjectId::parse("ann").unwrap());
    world.log_out(Target::Subject(issuer, subject, None), LogoutReason::UserLogout).await;
    assert_eq!(world.verdict(&token).await, Verdict::SubjectLoggedOut);
    assert_eq!(world.found_and_kept().0, 1, "it was verified anew, so that this shows nothing");
}

#[tokio::test]
async fn time_and_audience_are_decided_anew() {
    let world = World::new(1 << 20);
    let token = world.token_of("ann", &json!({"nbf": NOW + 60}));
    assert_eq!(world.verdict(&token).await, Verdict::NotYetValid);
    world.clock.set((NOW + 120) * 1000);
    assert_eq!(world.verdict(&token).await, Verdict::Valid);
    assert_eq!(world.ask(&token, &["https://other.example"]).await, Ok(Verdict::WrongAudience));
    world.clock.set((NOW + 611) * 1000);
    assert_eq!(world.verdict(&token).await, Verdict::Expired);
    assert_eq!(world.found_and_kept(), (3, 0), "what has expired is not worth the room");
}

#[tokio::test]
async fn a_token_of_a_key_that_was_removed_is_refused_at_once_and_dropped_soon() {
    let world = World::new(1 << 20);
    let (token, successor) = (world.token(), Minter::generate("k2").unwrap());
    assert_eq!(world.verdict(&token).await, Verdict::Valid);
    world.keys.set(&[&world.minter, &successor]);
    assert_eq!(world.verdict(&token).await, Verdict::Valid, "its key is still there");
    world.keys.set(&[&successor]);
    assert_eq!(world.verdict(&token).await, Verdict::UnknownKey);
    world.curfew.tidy();
    assert_eq!(world.found_and_kept().1, 0);
    // Another key by the same name is another key.
    world.keys.set(&[&Minter::generate("k1").unwrap()]);
    assert_eq!(world.verdict(&token).await, Verdict::BadSignature);
}

#[tokio::test]
async fn a_revoked_key_leaves_no_trace() {
    let world = World::new(1 << 20);
    let token = world.token();
    assert_eq!(world.verdict(&token).await, Verdict::Valid);
    let (issuer, key) = of_op(KeyId::parse("k1").unwrap());
    world.log_out(Target::Key(issuer, key), LogoutReason::Compromise).await;
    assert_eq!(world.found_and_kept().1, 0);
    assert_eq!(world.verdict(&token).await, Verdict::KeyRevoked);
    assert_eq!(world.found_and_kept().1, 0);
}

#[tokio::test]
async fn keys_that_cannot_be_trusted_any_more_decide_nothing() {
    let world = World::new(1 << 20);
    let token = world.token();
    assert_eq!(world.verdict(&token).await, Verdict::Valid);
    world.keys.gone.store(true, Ordering::SeqCst);
    assert!(matches!(world.ask(&token, &[]).await, Err(ServiceError::KeysUnavailable(_))));
}

#[tokio::test]
async fn no_other_text_passes_for_a_known_token() {
    let world = World::new(1 << 20);
    let token = world.token();
    assert_eq!(world.verdict(&token).await, Verdict::Valid);
    for position in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(bytes).unwrap();
        assert_ne!(world.verdict(&other).await, Verdict::Valid, "at {position}");
    }
    for other in [format!("{token}A"), format!("{token} "), token[1..].to_owned(), token[..token.len() - 1].to_owned()]
    {
        assert_ne!(world.verdict(&other).await, Verdict::Valid);
    }
    assert_eq!(world.found_and_kept(), (0, 1), "only what was signed is kept");
}

#[tokio::test]
async fn it_keeps_no_more_bytes_than_it_may() {
    let most = 256 * 1024;
    let world = World::new(most);
    for number in 0..2_000 {
        let padding = "x".repeat(number % 7 * 300);
        let token = world.token_of(&format!("user-{number}"), &json!({ "padding": padding }));
        assert_eq!(world.verdict(&token).await, Verdict::Valid);
    }
    let stats = world.curfew.cache_stats();
    assert!(stats.bytes <= most && stats.tokens > 20, "{stats:?}");
}

#[tokio::test]
async fn it_can_be_turned_off() {
    let world = World::new(0);
    let token = world.token();
    for _ in 0..3 {
        assert_eq!(world.verdict(&token).await, Verdict::Valid);
    }
    assert_eq!(world.curfew.cache_stats(), Default::default());
}

#[tokio::test]
async fn what_has_expired_is_dropped() {
    let world = World::new(1 << 20);
    for number in 0..10 {
        let expires = if number < 4 { NOW + 60 } else { NOW + 600 };
        let token = world.token_of(&format!("user-{number}"), &json!({ "exp": expires }));
        assert_eq!(world.verdict(&token).await, Verdict::Valid);
    }
    world.clock.set((NOW + 71) * 1000);
    world.curfew.tidy();
    assert_eq!(world.found_and_kept().1, 6);
}

/// Streams hand tokens over as they came.
#[tokio::test]
async fn a_token_that_is_not_text_is_a_fault_of_the_request() {
    let world = World::new(1 << 20);
    let request = TokenRequest {
        raw_token: b"\xff\xfe",
        audiences: &[],
        min_revision: Default::default(),
        include_claims: false,
    };
    let error = world.curfew.validate_token(&request).await.unwrap_err();
    assert!(matches!(&error, ServiceError::Invalid(faults) if faults[0].field == "token"), "{error:?}");
}
