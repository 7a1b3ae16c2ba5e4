//! The process is killed at random moments while many callers record logouts; afterwards every acknowledged one is there.
//!
//! `CURFEW_CRASH_ROUNDS` sets the rounds (100 where it is not set). SIGKILL shows the death of the process, not of the
//! machine: that the disk itself has what was acknowledged is shown by `store_files`, which watches the system calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use curfew::transport::grpc::pb;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::support::{Server, Setup, logout_of};

/// How many callers record at once.
const WRITERS: usize = 32;

/// How long a writer waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a caller was told: the latest acknowledged revision and instant of each subject.
type Acknowledged = Arc<Mutex<HashMap<String, (u64, i64)>>>;

fn rounds() -> u32 {
    #[allow(clippy::disallowed_methods, reason = "a test's own setting")]
    std::env::var("CURFEW_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(100)
}

fn millis(time: Option<prost_types::Timestamp>) -> i64 {
    time.map(|time| time.seconds * 1000 + i64::from(time.nanos / 1_000_000)).unwrap_or_default()
}

/// Records until the connection breaks; half of the time over and over the same few subjects.
async fn write(server: &Server, round: u32, writer: usize, acknowledged: Acknowledged) -> tokio::task::JoinHandle<()> {
    let mut client = server.client().await;
    tokio::spawn(async move {
        for turn in 0_u64.. {
            let name =
                if turn % 2 == 0 { format!("shared-{}", writer % 8) } else { format!("own-{round}-{writer}-{turn}") };
            // With a deadline, as every caller should have one: what is not answered is not acknowledged.
            let answered = tokio::time::timeout(PATIENCE, client.record_logout(logout_of(&name))).await;
            let Ok(Ok(response)) = answered else { return };
            let response = response.into_inner();
            let told = (response.revision, millis(response.logout.unwrap().logout_time));
            let mut acknowledged = acknowledged.lock().unwrap();
            let known = acknowledged.entry(name).or_default();
            *known = (*known).max(told);
        }
    })
}

/// Compares what is there with what was acknowledged; returns how many were lost.
async fn lost(server: &Server, acknowledged: &Acknowledged, only_round: Option<u32>) -> usize {
    let told: Vec<(String, (u64, i64))> = acknowledged
        .lock()
        .unwrap()
        .iter()
        .filter(|(name, _)| {
            only_round.is_none_or(|round| name.starts_with(&format!("own-{round}-")) || !name.starts_with("own"))
        })
        .map(|(name, told)| (name.clone(), *told))
        .collect();
    let mut client = server.client().await;
    let mut lost = 0;
    for (subject, (revision, at)) in told {
        let request = pb::GetLastLogoutRequest { subject, min_revision: revision, ..Default::default() };
        let found = client.get_last_logout(request).await;
        let there = found.is_ok_and(|response| millis(response.into_inner().last_logout_time) >= at);
        lost += usize::from(!there);
    }
    lost
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_logout_survives_being_killed() {
    let seed = 0x6375_7266_6577;
    let mut random = StdRng::seed_from_u64(seed);
    let acknowledged = Acknowledged::default();
    let mut server = Setup::new().start();
    let (started, rounds) = (Instant::now(), rounds());
    for round in 0..rounds {
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            writers.push(write(&server, round, writer, Arc::clone(&acknowledged)).await);
        }
        // However slow the machine is, some are to be acknowledged and some under way.
        let enough = acknowledged.lock().unwrap().len() + WRITERS + 8;
        while acknowledged.lock().unwrap().len() < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..100))).await;
        server.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        server.restart();
        assert_eq!(lost(&server, &acknowledged, Some(round)).await, 0, "round {round}");
    }
    let total = acknowledged.lock().unwrap().len();
    assert!(
        total > usize::try_from(rounds).unwrap() * WRITERS,
        "too few logouts were recorded to mean anything: {total}"
    );
    assert_eq!(lost(&server, &acknowledged, None).await, 0);
    let revision = acknowledged.lock().unwrap().values().map(|told| told.0).max().unwrap_or_default();
    println!(
        "crash test: {rounds} rounds, {total} subjects, revision {revision}, 0 lost, in {:.0} s",
        started.elapsed().as_secs_f64()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_still_refuses_what_it_refused() {
    let mut server = Setup::new().start();
    let token = server.token("ann");
    let ask = || pb::ValidateTokenRequest { token: token.clone(), ..Default::default() };
    assert!(server.client().await.validate_token(ask()).await.unwrap().into_inner().valid);
    server.client().await.record_logout(logout_of("ann")).await.unwrap();
    server.kill();
    server.restart();
    let answer = server.client().await.validate_token(ask()).await.unwrap().into_inner();
    assert_eq!(answer.verdict(), pb::Verdict::SubjectLoggedOut);
}
