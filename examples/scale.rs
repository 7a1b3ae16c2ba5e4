//! Fills a store with so many logouts of distinct users, in process, and says what that took: time, disk, memory, and what
//! a lookup costs then. `--json` for programs.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so and ends")]

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use curfew::{
    domain::{
        ClientId, Instants, Issuer, KeyId, LogoutReason, NewLogout, Scope, SessionId, SubjectId, Timestamp, TokenId,
        When,
    },
    store::{SledStore, Store},
};
use serde_json::json;
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many callers record at once.
const CALLERS: u64 = 1024;

/// How many lookups are timed together, and how often.
const LOOKUPS: u64 = 20_000;
const ROUNDS: usize = 25;

#[derive(Debug, Parser)]
struct Arguments {
    /// The directory of the store; made if it does not exist.
    #[arg(long)]
    store: PathBuf,
    /// How many users log out.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// How often each of them logs out again.
    #[arg(long, default_value_t = 0)]
    overwrite: u32,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

fn issuer() -> Issuer {
    Issuer::parse("https://acme.eu.auth0.com/").expect("an issuer")
}

/// A user as a large provider names them; in no order, as users come.
fn user(number: u64) -> SubjectId {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    SubjectId::parse(&format!("auth0|{mixed:024x}")).expect("a subject")
}

/// Reasons as they come: some end the authentication, some do not.
fn logout(number: u64, round: u32) -> NewLogout {
    let reason = if (number + u64::from(round)).is_multiple_of(3) {
        LogoutReason::ProviderLogout
    } else {
        LogoutReason::UserLogout
    };
    NewLogout {
        scope: Scope::Subject(issuer(), user(number)),
        when: When::Now,
        record_time: Timestamp::from_millis(1_780_000_000_000 + i64::from(round)).expect("an instant"),
        reason,
        reauthenticate: reason.ends_authentication(),
    }
}

/// Logs out every user once; returns the seconds that took.
async fn load(store: &Arc<dyn Store>, records: u64, round: u32) -> f64 {
    let (next, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        callers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= records {
                    return;
                }
                assert!(store.record(logout(number, round)).await.is_ok_and(|recorded| recorded.advanced));
                if number.is_multiple_of(500_000) && number > 0 {
                    eprintln!("round {round}: {number} of {records}, {:.0} s", started.elapsed().as_secs_f64());
                }
            }
        });
    }
    callers.join_all().await;
    started.elapsed().as_secs_f64()
}

fn disk_bytes(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

fn rss_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kib: u64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or_default();
    kib * 1024
}

/// The seven scopes of a token of a user: the user has logged out, the other scopes have not.
fn scopes(number: u64) -> [Scope; 7] {
    let client = ClientId::parse("my_client_id_0123456789abcdef").expect("a client");
    [
        Scope::Token(issuer(), TokenId::parse(&format!("jti-{number:x}")).expect("an id")),
        Scope::Session(issuer(), SessionId::parse(&format!("5f3c1f0e-6b1e-4a2c-9b1e-{number:012x}")).expect("an id")),
        Scope::Subject(issuer(), user(number)),
        Scope::SubjectAtClient(issuer(), user(number), client.clone()),
        Scope::Client(issuer(), client),
        Scope::Key(issuer(), KeyId::parse("2026-key").expect("an id")),
        Scope::Issuer(issuer()),
    ]
}

/// The median of what one takes, in nanoseconds.
fn median_nanos(mut once: impl FnMut(usize)) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let started = Instant::now();
            once(round);
            started.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(LOOKUPS).expect("it fits"))
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

/// What looking up all seven scopes of a token costs: by what they are found by, as for a token seen before; and from
/// their names, as for a new one. Every user in turn is another one, far away in memory.
fn lookups(store: &dyn Store, records: u64) -> (f64, f64) {
    let view = store.view();
    let tokens: Vec<[Scope; 7]> = (0..LOOKUPS).map(|token| scopes(token.wrapping_mul(7_919) % records)).collect();
    let found: Vec<_> =
        tokens.iter().map(|scopes| scopes.each_ref().map(|scope| Some(view.fingerprint(scope)))).collect();
    let check = |[_, _, subject, ..]: [Instants; 7]| assert!(subject.live.is_some(), "a logout was not found");
    let known = median_nanos(|round| {
        // From another end each time, so that the caches are of no more use than they would be.
        let (before, after) = found.split_at(round * found.len() / ROUNDS);
        for scopes in after.iter().chain(before) {
            check(black_box(view.look_up(*scopes)));
        }
    });
    let fresh = median_nanos(|_| {
        for scopes in &tokens {
            check(black_box(view.look_up(scopes.each_ref().map(|scope| Some(view.fingerprint(scope))))));
        }
    });
    (known, fresh)
}

/// Waits until the files no longer change.
async fn settle(directory: &Path) -> u64 {
    let mut before = disk_bytes(directory);
    loop {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = disk_bytes(directory);
        if now == before {
            return now;
        }
        before = now;
    }
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let (records, directory) = (arguments.records, arguments.store.as_path());
    let store: Arc<dyn Store> = Arc::new(SledStore::open(directory).expect("a store"));
    let load_seconds = load(&store, records, 0).await;
    let (disk, rss) = (settle(directory).await, rss_bytes());
    let (seven, hash_and_seven) = lookups(&*store, records);
    let mut overwrites = Vec::new();
    for round in 1..=arguments.overwrite {
        let seconds = load(&store, records, round).await;
        overwrites.push(json!({"disk_bytes": settle(directory).await, "rss_bytes": rss_bytes(), "seconds": seconds}));
    }
    store.close().await.expect("it closes");
    drop(store);
    let started = Instant::now();
    let store = SledStore::open(directory).expect("the store");
    let open_seconds = started.elapsed().as_secs_f64();
    assert_eq!(store.view().len() as u64, records, "not every logout came back");
    store.close().await.expect("it closes");
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    let per_record = |bytes: u64| bytes as f64 / records as f64;
    let result = json!({
        "records": records, "load_seconds": load_seconds, "records_per_second": per_record(records * records) / load_seconds,
        "disk_bytes": disk, "disk_bytes_per_record": per_record(disk), "rss_bytes": rss,
        "lookup_seven_ns": seven, "lookup_hash_and_seven_ns": hash_and_seven,
        "open_seconds": open_seconds, "overwrites": overwrites,
    });
    if arguments.json {
        println!("{result}");
    } else {
        println!("{result:#}");
    }
}
