//! What a durable logout costs: one caller, and 64 at once, on sled with its sync, in turn and several rounds.
//!
//! `cargo bench --bench record`. `CURFEW_BENCH_SECONDS` sets the length of each measurement (2 where it is not set).

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so and ends")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use curfew::{
    domain::{Issuer, LogoutReason, NewLogout, Scope, SubjectId, Timestamp, When},
    store::{SledStore, Store},
};
use tokio::task::JoinSet;

const ROUNDS: usize = 5;
const CALLERS: [usize; 4] = [1, 16, 64, 256];

fn logout(number: u64) -> NewLogout {
    NewLogout {
        scope: Scope::Subject(
            Issuer::parse("https://acme.eu.auth0.com/").expect("an issuer"),
            SubjectId::parse(&format!("auth0|{number:024x}")).expect("a subject"),
        ),
        when: When::Now,
        record_time: Timestamp::from_millis(1_780_000_000_000).expect("an instant"),
        reason: LogoutReason::UserLogout,
        reauthenticate: false,
    }
}

/// Logouts a second, with so many callers each waiting for its own.
async fn rate(store: &Arc<dyn Store>, callers: usize, next: &Arc<AtomicU64>, length: Duration) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (store, stop, next) = (Arc::clone(store), Arc::clone(&stop), Arc::clone(next));
        tasks.spawn(async move {
            let mut done = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                let recorded = store.record(logout(next.fetch_add(1, Ordering::Relaxed))).await;
                assert!(recorded.is_ok_and(|recorded| recorded.advanced), "a logout was not recorded");
                done += 1;
            }
            done
        });
    }
    tokio::time::sleep(length).await;
    stop.store(true, Ordering::Relaxed);
    let done: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(done) / started.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[allow(clippy::disallowed_methods, reason = "the benchmark's own setting")]
fn seconds() -> f64 {
    std::env::var("CURFEW_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0)
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir_in(".").expect("a directory on this disk");
    let store: Arc<dyn Store> = Arc::new(SledStore::open(directory.path()).expect("a store"));
    let (next, length) = (Arc::new(AtomicU64::new(0)), Duration::from_secs_f64(seconds()));
    let mut rates: [Vec<f64>; 4] = Default::default();
    for _round in 0..ROUNDS {
        for (callers, rates) in CALLERS.into_iter().zip(&mut rates) {
            rates.push(rate(&store, callers, &next, length).await);
        }
    }
    let medians = rates.map(|mut rates| {
        let median = median(&mut rates);
        (median, rates.first().copied().unwrap_or_default(), rates.last().copied().unwrap_or_default())
    });
    println!(
        "durable logouts a second, {ROUNDS} rounds in turn:\n\ncallers   median   (least – most)   against 1 caller"
    );
    for (callers, (median, least, most)) in CALLERS.into_iter().zip(medians) {
        println!("{callers:>7}  {median:>7.0}   ({least:.0} – {most:.0})   {:.1}", median / medians[0].0);
    }
    store.close().await.expect("it closes");
}
