//! Keys that are fetched over HTTP: from a server on this machine that answers as it is told, the odd ways included.
//!
//! Time is real here, for sockets do not follow a paused clock; nothing waits for longer than it must, and every wait
//! ends by [`PATIENCE`]. The age of keys is by a clock set by hand.

#[path = "support_fetch.rs"]
mod fetch;
#[path = "support_http.rs"]
mod http;

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use curfew::{
    domain::{Issuer, LogoutReason, Source, Timestamp},
    outbound::{Fetcher, KeysEndpoint, KeysHealth, RefreshSettings, RemoteKeys},
    service::{
        ConfiguredIssuer, Curfew, Issuers, NotRevoked, Outcome, Revoked, ServiceError, TokenCache, TokenRequest,
    },
    store::MemoryStore,
    token::{Algorithm, ClaimAhead, Family, KeySource, MAX_KEYS, Minter, Rules, Verdict},
};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    support::ManualClock,
    vectors::keys::{Pair, jwks},
};
use http::{Reply, Server};

/// After so long a wait has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A time that does not come during a test.
const NEVER: Duration = Duration::from_secs(3600);

/// The present, in milliseconds.
const NOW: i64 = 1_780_000_000_000;

const ISSUER: &str = "https://op.example";

/// Keys are fetched once, and when they are asked for.
const ON_DEMAND: RefreshSettings = RefreshSettings { refresh: NEVER, cooldown: NEVER, max_age: NEVER };

/// Keys are fetched all the time.
const EAGER: RefreshSettings =
    RefreshSettings { refresh: Duration::from_millis(20), cooldown: Duration::from_millis(10), max_age: NEVER };

/// Keys are fetched whenever they are asked for.
const WILLING: RefreshSettings = RefreshSettings { cooldown: Duration::ZERO, ..ON_DEMAND };

/// A service of one issuer whose keys are fetched.
struct Setup {
    keys: Arc<RemoteKeys>,
    curfew: Arc<Curfew>,
    clock: Arc<ManualClock>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Setup {
    /// One that fetches from here; `run` starts it.
    fn new(endpoint: KeysEndpoint, settings: RefreshSettings) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let algorithms = vec![Algorithm::Es256];
        let fetcher = Fetcher::new(Duration::from_secs(5)).unwrap();
        let keys =
            Arc::new(RemoteKeys::new("op", endpoint, algorithms.clone(), settings, fetcher, Arc::clone(&clock) as _));
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
        let issuer = ConfiguredIssuer {
            name: "op".to_owned(),
            rules,
            keys: Arc::clone(&keys) as _,
            settle: false,
            reauthenticate: None,
            elsewhere: Default::default(),
        };
        let curfew = Curfew::new(
            Issuers::new(vec![issuer]),
            Arc::new(MemoryStore::new()),
            Arc::clone(&clock) as _,
            TokenCache::new(1 << 20),
        );
        Self { keys, curfew: Arc::new(curfew), clock, stop: CancellationToken::new(), tasks: JoinSet::new() }
    }

    /// One that has begun to fetch a key set from the server.
    fn of(server: &Server, settings: RefreshSettings) -> Self {
        Self::new(KeysEndpoint::Jwks(server.url("/jwks")), settings).run()
    }

    fn run(mut self) -> Self {
        let (keys, stop) = (Arc::clone(&self.keys), self.stop.clone());
        self.tasks.spawn(async move { keys.run(stop).await });
        self
    }

    /// Waits until fetching goes like this.
    async fn until(&self, health: KeysHealth) {
        let mut now = self.keys.health();
        let waited = timeout(PATIENCE, now.wait_for(|now| *now == health)).await;
        assert!(waited.is_ok(), "{health:?} never came; it is {:?}", *self.keys.health().borrow());
    }

    async fn check(&self, raw_token: &str) -> Result<Verdict, ServiceError> {
        check(&self.curfew, raw_token).await
    }

    fn current(&self) -> Result<usize, String> {
        let now = curfew::domain::Clock::now(&*self.clock);
        self.keys.current(now).map(|keys| keys.keys().len()).map_err(|error| error.to_string())
    }
}

async fn check(curfew: &Curfew, raw_token: &str) -> Result<Verdict, ServiceError> {
    let request = TokenRequest {
        raw_token: raw_token.as_bytes(),
        audiences: &[],
        min_revision: Default::default(),
        include_claims: false,
    };
    let answer = timeout(PATIENCE, curfew.validate_token(&request)).await.expect("an answer in time")?;
    Ok(answer.decision.map_or_else(|refusal| refusal.verdict(), |_| Verdict::Valid))
}

fn minter(kid: &str) -> Minter {
    Minter::generate(kid).unwrap()
}

fn token(minter: &Minter) -> String {
    let claims = json!({"iss": ISSUER, "sub": "ann", "aud": "api", "iat": NOW / 1000, "exp": NOW / 1000 + 600});
    minter.sign(&claims).unwrap()
}

/// The key set of all of them.
fn set(minters: &[&Minter]) -> Reply {
    let keys: Vec<Value> = minters.iter().map(|minter| minter.jwks()["keys"][0].clone()).collect();
    Reply::ok(&jwks(&keys))
}

/// What is logged on this thread while it lives.
struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Log {
    fn start() -> Self {
        struct Sink(Arc<Mutex<Vec<u8>>>);
        impl Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || Sink(Arc::clone(&sink)));
        Self { lines, _guard: tracing::subscriber::set_default(subscriber.finish()) }
    }

    fn text(&self) -> String {
        String::from_utf8(self.lines.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn keys_are_found_by_discovery() {
    for path in ["", "/", "/realms/one", "/realms/one/"] {
        let (server, k1) = (Server::start().await, minter("k1"));
        let issuer = server.url(path);
        let document = json!({"issuer": issuer, "jwks_uri": server.url("/keys?v=1")}).to_string();
        let place = format!("{}/.well-known/openid-configuration", path.trim_end_matches('/'));
        server.answer(&place, Reply::ok(&document));
        server.answer("/keys?v=1", set(&[&k1]));
        let setup = Setup::new(KeysEndpoint::Discovery(Issuer::parse(&issuer).unwrap()), ON_DEMAND).run();
        setup.until(KeysHealth::Fresh).await;
        assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid), "{path}");
        assert_eq!(server.requests(), [place, "/keys?v=1".to_owned()]);
    }
}

#[tokio::test]
async fn a_discovery_document_that_is_not_the_issuers_is_refused_saying_why() {
    let k1 = minter("k1");
    type Document = fn(&str) -> String;
    let cases: [(Document, &[&str]); 14] = [
        (
            |own| json!({"issuer": "https://forger.example", "jwks_uri": format!("{own}/jwks")}).to_string(),
            &["it is about the issuer \"https://forger.example\"", "configured is \"http://127.0.0.1:"],
        ),
        (|own| json!({"issuer": format!("{own}/"), "jwks_uri": format!("{own}/jwks")}).to_string(), &["last slash"]),
        (|own| json!({"issuer": own.to_uppercase(), "jwks_uri": format!("{own}/jwks")}).to_string(), &["HTTP://"]),
        (|own| json!({"jwks_uri": format!("{own}/jwks")}).to_string(), &["issuer \"\""]),
        (|own| json!({"issuer": [own], "jwks_uri": format!("{own}/jwks")}).to_string(), &["issuer \"\""]),
        (|own| format!(r#"{{"issuer":"{own}","issuer":"{own}","jwks_uri":"{own}/jwks"}}"#), &["appears twice"]),
        (|own| json!({"issuer": own}).to_string(), &["no jwks_uri"]),
        (|own| json!({"issuer": own, "jwks_uri": [format!("{own}/jwks")]}).to_string(), &["no jwks_uri"]),
        (
            |own| json!({"issuer": own, "jwks_uri": "http://keys.example/jwks"}).to_string(),
            &["its jwks_uri", "plain HTTP"],
        ),
        (
            |own| json!({"issuer": own, "jwks_uri": "file:///etc/passwd"}).to_string(),
            &["its jwks_uri", "neither https nor http"],
        ),
        (|own| json!({"issuer": own, "jwks_uri": "/jwks"}).to_string(), &["its jwks_uri", "is not a URL"]),
        (
            |own| json!({"issuer": own, "jwks_uri": "https://a:b@op.example/"}).to_string(),
            &["its jwks_uri", "user name"],
        ),
        (|_| "<html>".to_owned(), &["openid-configuration"]),
        (|_| "[]".to_owned(), &["not a JSON object"]),
    ];
    for (document, parts) in cases {
        let (server, log) = (Server::start().await, Log::start());
        let own = server.url("");
        server.answer("/.well-known/openid-configuration", Reply::ok(&document(&own)));
        server.answer("/jwks", set(&[&k1]));
        let setup = Setup::new(KeysEndpoint::Discovery(Issuer::parse(&own).unwrap()), ON_DEMAND).run();
        setup.until(KeysHealth::Missing).await;
        let log = log.text();
        assert!(parts.iter().all(|part| log.replace("\\\"", "\"").contains(part)), "{parts:?}: {log}");
        assert_eq!(server.requests(), ["/.well-known/openid-configuration"], "{parts:?}");
        assert!(setup.current().is_err());
    }
}

#[tokio::test]
async fn a_key_set_that_cannot_be_used_is_refused_saying_why_and_the_known_keys_stay() {
    let k1 = minter("k1");
    let many = vec![Pair::generate(Family::P256).jwk("k"); MAX_KEYS + 1];
    let one = k1.jwks()["keys"][0].to_string();
    let cases = [
        (Reply::ok("<html>sign in</html>"), "not a JWK Set"),
        (Reply::ok(""), "not a JWK Set"),
        (Reply::ok("[]"), "not a JSON object"),
        (Reply::ok("{}"), "no array"),
        (Reply::ok(r#"{"keys":{}}"#), "no array"),
        (Reply::ok(r#"{"keys":null}"#), "no array"),
        (Reply::ok(&jwks(&many)), "65 keys; at most 64"),
        (Reply::ok(&format!(r#"{{"keys":[{one}],"keys":[]}}"#)), "appears twice"),
        (Reply::ok(&format!(r#"{{"keys":[{one}]}}trailing"#)), "trailing"),
        (Reply::ok(&format!(r#"{{"keys":[{}{}]}}"#, "[".repeat(200_000), "]".repeat(200_000))), "deep"),
        (Reply::status(500), "500"),
        (Reply::status(404), "404"),
        (Reply::status(204), "not a JWK Set"),
    ];
    for (reply, part) in cases {
        let (server, log) = (Server::start().await, Log::start());
        server.answer("/jwks", set(&[&k1]));
        let setup = Setup::of(&server, EAGER);
        setup.until(KeysHealth::Fresh).await;
        server.answer("/jwks", reply);
        setup.until(KeysHealth::Stale).await;
        assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid), "{part}");
        assert!(log.text().contains(part), "{part}: {}", log.text());
        server.answer("/jwks", set(&[&k1]));
        setup.until(KeysHealth::Fresh).await;
    }
}

#[tokio::test]
async fn an_issuer_that_withdraws_its_keys_is_obeyed() {
    let k1 = minter("k1");
    for withdrawn in [
        Reply::ok(r#"{"keys":[]}"#),
        Reply::ok(r#"{"keys":[1,null,"key"]}"#),
        Reply::ok(&jwks(&[Pair::Secret(vec![7; 64]).jwk("k1")])),
        Reply::ok(&jwks(&[Pair::generate(Family::P384).jwk("k1")])),
    ] {
        let server = Server::start().await;
        server.answer("/jwks", set(&[&k1]));
        let setup = Setup::of(&server, EAGER);
        setup.until(KeysHealth::Fresh).await;
        server.answer("/jwks", withdrawn);
        setup.until(KeysHealth::Missing).await;
        assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::UnknownKey));
        server.answer("/jwks", set(&[&k1]));
        setup.until(KeysHealth::Fresh).await;
        assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid));
    }
}

#[tokio::test]
async fn as_many_keys_as_are_read_are_accepted_and_secrets_among_them_are_not() {
    let (server, k1) = (Server::start().await, minter("k1"));
    let mut keys: Vec<Value> = (0..MAX_KEYS - 1).map(|n| Pair::Secret(vec![7; 64]).jwk(&format!("s{n}"))).collect();
    keys.push(k1.jwks()["keys"][0].clone());
    server.answer("/jwks", Reply::ok(&jwks(&keys)));
    let setup = Setup::of(&server, ON_DEMAND);
    setup.until(KeysHealth::Fresh).await;
    assert_eq!(setup.current(), Ok(1));
}

#[tokio::test]
async fn a_token_of_a_new_key_is_honoured_after_one_more_fetch() {
    let (server, k1, k2) = (Server::start().await, minter("k1"), minter("k2"));
    server.answer("/jwks", set(&[&k1]));
    let setup = Setup::of(&server, ON_DEMAND);
    setup.until(KeysHealth::Fresh).await;
    server.answer("/jwks", set(&[&k1, &k2]));
    assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid));
    assert_eq!(server.count(), 1);
    assert_eq!(setup.check(&token(&k2)).await, Ok(Verdict::Valid));
    assert_eq!(setup.check(&token(&k2)).await, Ok(Verdict::Valid));
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_token_with_a_bad_signature_makes_nobody_fetch() {
    let (server, k1) = (Server::start().await, minter("k1"));
    server.answer("/jwks", set(&[&k1]));
    let setup = Setup::of(&server, WILLING);
    setup.until(KeysHealth::Fresh).await;
    for _ in 0..10 {
        assert_eq!(setup.check(&token(&minter("k1"))).await, Ok(Verdict::BadSignature));
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_thousand_unknown_keys_cause_one_fetch_per_cooldown() {
    let cooldown = Duration::from_millis(300);
    let (server, k1) = (Server::start().await, minter("k1"));
    server.answer("/jwks", set(&[&k1]));
    let setup = Setup::of(&server, RefreshSettings { cooldown, ..ON_DEMAND });
    setup.until(KeysHealth::Fresh).await;
    let stranger = Pair::generate(Family::P256);
    let garbage = |n: u32| {
        let header = json!({"alg": "ES256", "kid": format!("garbage {n}")}).to_string();
        stranger.token(Algorithm::Es256, &header, &json!({"iss": ISSUER}).to_string())
    };
    let started = Instant::now();
    for round in 1..=3 {
        let mut calls = JoinSet::new();
        for n in 0..1000 {
            let (curfew, raw) = (Arc::clone(&setup.curfew), garbage(n));
            calls.spawn(async move { check(&curfew, &raw).await });
        }
        assert!(calls.join_all().await.into_iter().all(|verdict| verdict == Ok(Verdict::UnknownKey)));
        assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid));
        let cooldowns = started.elapsed().as_millis() / cooldown.as_millis() + 1;
        let fetched = u128::try_from(server.count() - 1).unwrap();
        assert!((1..=cooldowns).contains(&fetched), "round {round}: {fetched} fetches in {:?}", started.elapsed());
    }
    // Once the cooldown is over, the next unknown key is looked for again.
    let before = server.count();
    while server.count() == before {
        assert!(started.elapsed() < PATIENCE);
        assert_eq!(setup.check(&garbage(0)).await, Ok(Verdict::UnknownKey));
        tokio::task::yield_now().await;
    }
    assert_eq!(server.count(), before + 1);
}

#[tokio::test]
async fn every_token_of_a_new_key_waits_for_the_fetch_that_brings_it() {
    let (server, k1, k2) = (Server::start().await, minter("k1"), minter("k2"));
    server.answer("/jwks", set(&[&k1]));
    let setup = Setup::of(&server, ON_DEMAND);
    setup.until(KeysHealth::Fresh).await;
    let release = CancellationToken::new();
    server.answer("/jwks", Reply::Held(release.clone(), Box::new(set(&[&k1, &k2]))));
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        let (curfew, raw) = (Arc::clone(&setup.curfew), token(&k2));
        calls.spawn(async move { check(&curfew, &raw).await });
    }
    // All three have asked by the time that the request is there: they were spawned before it was sent.
    server.until(2).await;
    release.cancel();
    assert_eq!(calls.join_all().await, [Ok(Verdict::Valid), Ok(Verdict::Valid), Ok(Verdict::Valid)]);
}

#[tokio::test]
async fn a_removed_key_is_not_trusted_after_the_next_fetch() {
    let (server, k1, k2) = (Server::start().await, minter("k1"), minter("k2"));
    server.answer("/jwks", set(&[&k1, &k2]));
    let setup = Setup::of(&server, EAGER);
    setup.until(KeysHealth::Fresh).await;
    assert_eq!(setup.check(&token(&k2)).await, Ok(Verdict::Valid));
    server.answer("/jwks", set(&[&k1]));
    // Two more: the first may have been answered before the key was removed.
    server.until(server.count() + 3).await;
    assert_eq!(setup.check(&token(&k2)).await, Ok(Verdict::UnknownKey));
    assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid));
}

#[tokio::test]
async fn a_replaced_key_of_the_same_name_is_not_trusted_after_the_next_fetch() {
    let (server, old, new) = (Server::start().await, minter("k1"), minter("k1"));
    server.answer("/jwks", set(&[&old]));
    let setup = Setup::of(&server, EAGER);
    setup.until(KeysHealth::Fresh).await;
    server.answer("/jwks", set(&[&new]));
    server.until(server.count() + 3).await;
    assert_eq!(setup.check(&token(&old)).await, Ok(Verdict::BadSignature));
    assert_eq!(setup.check(&token(&new)).await, Ok(Verdict::Valid));
}

#[tokio::test]
async fn the_senders_cache_time_is_honoured_between_the_cooldown_and_the_refresh_time() {
    let ms = Duration::from_millis;
    let cases = [
        // The cache time, refresh, cooldown: the time between two fetches.
        (Some("max-age=1"), NEVER, ms(10), ms(1000)),
        (Some("public, max-age=1, must-revalidate"), NEVER, ms(10), ms(1000)),
        (Some("max-age=0"), NEVER, ms(200), ms(200)),
        (Some("no-store"), NEVER, ms(200), ms(200)),
        (Some("max-age=31536000"), ms(200), ms(10), ms(200)),
        (Some("max-age=18446744073709551615"), ms(200), ms(10), ms(200)),
        (Some("max-age=99999999999999999999"), ms(200), ms(10), ms(200)),
        (Some("max-age=-1"), ms(200), ms(10), ms(200)),
        (None, ms(200), ms(10), ms(200)),
    ];
    let mut tasks = JoinSet::new();
    for (cache, refresh, cooldown, expected) in cases {
        tasks.spawn(async move {
            let server = Server::start().await;
            let reply = set(&[&minter("k1")]);
            server.answer(
                "/jwks",
                match cache {
                    Some(value) => reply.with("Cache-Control", value),
                    None => reply,
                },
            );
            let setup = Setup::of(&server, RefreshSettings { refresh, cooldown, max_age: NEVER });
            server.until(2).await;
            let times = server.times();
            let pause = times[1] - times[0];
            assert!(pause >= expected - ms(5), "{cache:?}: {pause:?}");
            drop(setup);
        });
    }
    drop(tasks.join_all().await);
}

#[tokio::test]
async fn while_the_endpoint_is_dead_known_keys_are_trusted_up_to_their_age() {
    let max_age = Duration::from_secs(60);
    let (server, k1) = (Server::start().await, minter("k1"));
    let setup = Setup::new(KeysEndpoint::Jwks(server.url("/jwks")), RefreshSettings { max_age, ..EAGER });
    assert_eq!(*setup.keys.health().borrow(), KeysHealth::Starting);
    assert!(setup.current().unwrap_err().contains("not loaded yet"));
    server.answer("/jwks", set(&[&k1]));
    let setup = setup.run();
    setup.until(KeysHealth::Fresh).await;
    server.answer("/jwks", Reply::Closed);
    setup.until(KeysHealth::Stale).await;
    setup.clock.set(NOW + 60_000);
    assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid));
    // What is not known cannot be looked up; that is said of the token, not of the service.
    assert_eq!(setup.check(&token(&minter("k2"))).await, Ok(Verdict::UnknownKey));
    setup.clock.set(NOW + 60_001);
    let error = setup.check(&token(&k1)).await.unwrap_err();
    assert!(matches!(&error, ServiceError::KeysUnavailable(_)), "{error}");
    assert!(error.to_string().contains("last fetched at 2026-05-28T20:26:40.000Z"), "{error}");
    assert!(!setup.curfew.has_keys());
    setup.until(KeysHealth::Missing).await;
    server.answer("/jwks", set(&[&k1]));
    setup.until(KeysHealth::Fresh).await;
    assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid));
}

#[tokio::test]
async fn an_endpoint_that_is_dead_from_the_start_is_tried_again() {
    let (server, k1, log) = (Server::start().await, minter("k1"), Log::start());
    server.answer("/jwks", Reply::Closed);
    let setup = Setup::of(&server, EAGER);
    setup.until(KeysHealth::Missing).await;
    assert!(matches!(setup.check(&token(&k1)).await, Err(ServiceError::KeysUnavailable(_))));
    server.until(3).await;
    server.answer("/jwks", set(&[&k1]));
    setup.until(KeysHealth::Fresh).await;
    assert_eq!(setup.check(&token(&k1)).await, Ok(Verdict::Valid));
    assert!(log.text().contains("could not be fetched") && log.text().contains("keys loaded"), "{}", log.text());
}

#[tokio::test]
async fn a_token_by_a_key_that_could_not_be_fetched_is_not_said_to_be_revoked() {
    let (server, k1, k2) = (Server::start().await, minter("k1"), minter("k2"));
    server.answer("/jwks", set(&[&k1]));
    let setup = Setup::of(&server, WILLING);
    setup.until(KeysHealth::Fresh).await;
    let token = |exp: i64| {
        let claims =
            json!({"iss": ISSUER, "sub": "ann", "aud": "api", "jti": "1", "iat": NOW / 1000, "exp": NOW / 1000 + exp});
        k2.sign(&claims).unwrap()
    };
    // The keys were fetched for its sake: that key is nobody's.
    assert_eq!(setup.curfew.revoke_token(&token(600), None).await, Ok(Revoked::Nothing));
    server.answer("/jwks", Reply::status(500));
    setup.clock.set(NOW + 60_000);
    let revoked = setup.curfew.revoke_token(&token(600), None).await;
    assert!(matches!(revoked, Err(NotRevoked::MayYetHold(_))), "{revoked:?}");
    // One that has expired by its own words is dead, whosever it is.
    assert_eq!(setup.curfew.revoke_token(&token(10), None).await, Ok(Revoked::Nothing));
    // Whoever tries again is served.
    server.answer("/jwks", set(&[&k1, &k2]));
    assert!(matches!(setup.curfew.revoke_token(&token(600), None).await, Ok(Revoked::Recorded(_))));
    assert_eq!(setup.check(&token(600)).await, Ok(Verdict::TokenRevoked));
    let events = |outcome| setup.curfew.metrics().events(Source::TokenRevocation, outcome);
    assert_eq!((events(Outcome::Recorded), events(Outcome::Refused), events(Outcome::Failed)), (1, 2, 1));
    let logouts = setup.curfew.metrics().logouts(Source::TokenRevocation, LogoutReason::UserLogout);
    assert_eq!(logouts, 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_take_the_keys_away() {
    let (server, k1) = (Server::start().await, minter("k1"));
    server.answer("/jwks", set(&[&k1]));
    let setup = Setup::of(&server, ON_DEMAND);
    setup.until(KeysHealth::Fresh).await;
    setup.clock.set(NOW - 86_400_000);
    assert_eq!(setup.current(), Ok(1));
    assert!(setup.keys.current(Timestamp::EPOCH).is_ok());
}

#[tokio::test]
async fn fetching_ends_when_it_is_told_to_stop() {
    let (server, k1) = (Server::start().await, minter("k1"));
    server.answer("/jwks", set(&[&k1]));
    let mut setup = Setup::of(&server, ON_DEMAND);
    setup.until(KeysHealth::Fresh).await;
    setup.stop.cancel();
    timeout(PATIENCE, setup.tasks.join_next()).await.expect("it ends").unwrap().unwrap();
}

#[tokio::test]
async fn fetching_ends_when_it_is_told_to_stop_while_an_answer_is_awaited() {
    let server = Server::start().await;
    server.answer("/jwks", Reply::SilentHead);
    let mut setup = Setup::of(&server, ON_DEMAND);
    server.until(1).await;
    setup.stop.cancel();
    // The fetcher's own timeout is 5 s.
    timeout(Duration::from_secs(2), setup.tasks.join_next()).await.expect("it ends").unwrap().unwrap();
}
