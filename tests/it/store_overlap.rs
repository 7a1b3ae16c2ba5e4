//! Many logouts at once: some are written while others are being made durable, and must neither get in each other's way
//! nor be told a success that is none.

use std::{fs, sync::Arc};

use curfew::{
    domain::{ClientId, Recorded, Revision, Scope, SubjectId, When},
    store::{SledStore, Status, Store, StoreError},
};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{
    laws::issuer,
    store_files::small_disk,
    support::{at, logout, subject},
};

/// More than the writer syncs by itself.
const CALLERS: usize = 256;

type Answer = (Scope, Result<Recorded, StoreError>);

fn at_client(name: &str) -> Scope {
    Scope::SubjectAtClient(issuer(), SubjectId::parse(name).unwrap(), ClientId::parse("app").unwrap())
}

/// So many callers at once, each of whom records logouts of these scopes in turn until one is refused; all answers.
async fn all_at_once(store: &Arc<dyn Store>, each: usize, scope: impl Fn(usize, usize) -> Scope) -> Vec<Answer> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = Arc::clone(store);
        let scopes: Vec<Scope> = (0..each).map(|number| scope(caller, number)).collect();
        callers.spawn(async move {
            let mut answers: Vec<Answer> = Vec::new();
            for scope in scopes {
                let answer = store.record(logout(&scope, When::Now, at(0))).await;
                let refused = answer.is_err();
                answers.push((scope, answer));
                if refused {
                    break;
                }
            }
            answers
        });
    }
    callers.join_all().await.into_iter().flatten().collect()
}

/// What the view says of each scope is what its record says.
fn assert_in_step(store: &dyn Store, answers: &[Answer]) {
    for (scope, _) in answers {
        let record = store.get(scope).unwrap();
        let [seen] = store.view().look_up([Some(store.view().fingerprint(scope))]);
        assert_eq!(seen, record.map(|record| record.cutoff.instants()).unwrap_or_default(), "{scope:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logouts_that_are_written_meanwhile_are_on_top_of_those_that_are_synced() {
    let directory = TempDir::new().unwrap();
    let store: Arc<dyn Store> = Arc::new(SledStore::open(directory.path()).unwrap());
    // Of few users, all at the same instant: every one must be stamped later than the one before all the same.
    let names = ["ann", "bob", "cid", "dan", "eve"];
    let name = |caller: usize, number: usize| names[(caller + number) % names.len()];
    let scope = |caller: usize, number: usize| {
        let name = name(caller, number);
        if caller.is_multiple_of(2) { subject(name) } else { at_client(name) }
    };
    let answers = all_at_once(&store, 40, scope).await;
    let mut recorded: Vec<_> = answers.iter().map(|(scope, answer)| (answer.as_ref().unwrap().record, scope)).collect();
    recorded.sort_by_key(|(record, _)| record.revision);
    let revisions: Vec<u64> = recorded.iter().map(|(record, _)| record.revision.0).collect();
    assert_eq!(revisions, (1..=(CALLERS * 40) as u64).collect::<Vec<_>>());
    for name in names {
        let of_user = [subject(name), at_client(name)];
        let stamps: Vec<_> = recorded
            .iter()
            .filter(|(_, scope)| of_user.contains(scope))
            .map(|(record, _)| record.cutoff.instants().live.unwrap())
            .collect();
        assert!(stamps.len() > 100 && stamps.is_sorted_by(|one, next| one < next), "{name}: {stamps:?}");
    }
    assert_in_step(&*store, &answers);
    store.close().await.unwrap();
    let again = SledStore::open(directory.path()).unwrap();
    assert_eq!(again.revision(), Revision((CALLERS * 40) as u64));
    for (record, scope) in recorded.iter().rev().take(1) {
        assert_eq!(again.get(scope), Ok(Some(*record)));
    }
    assert_in_step(&again, &answers);
    again.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_invented_when_the_disk_becomes_full_under_many() {
    let Some(disk) = small_disk() else { return };
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&disk.path()).unwrap());
    let mut all = Vec::new();
    // Once with nothing to spare, and then again and again.
    for round in 0..4 {
        disk.fill();
        let answers =
            all_at_once(&store, 20_000, |caller, number| subject(&format!("user-{round}-{caller}-{number}"))).await;
        let refused = answers.iter().filter(|(_, answer)| answer.is_err()).count();
        assert_eq!(refused, CALLERS, "everybody was refused in the end");
        disk.free();
        let mut status = store.status();
        let ready = status.wait_for(|status| *status == Status::Ready);
        tokio::time::timeout(std::time::Duration::from_secs(20), ready).await.expect("it works again").unwrap();
        all.extend(answers);
    }
    let acknowledged = all.iter().filter(|(_, answer)| answer.is_ok()).count();
    for (scope, answer) in &all {
        if let Ok(recorded) = answer {
            assert_eq!(store.get(scope), Ok(Some(recorded.record)), "{scope:?} was acknowledged");
        }
    }
    // What was refused may have reached the disk; then it is in force, too.
    assert_in_step(&*store, &all);
    let reached = store.revision();
    let next = store.record(logout(&subject("after"), When::Now, at(0))).await.unwrap();
    assert!(
        next.record.revision > reached
            && all.iter().all(|(_, answer)| {
                answer.as_ref().map_or(true, |recorded| recorded.record.revision < next.record.revision)
            })
    );
    println!("full disk under {CALLERS}: {acknowledged} acknowledged, none lost");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_and_reached_the_disk_all_the_same_is_in_force() {
    let Some(disk) = small_disk() else { return };
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&disk.path()).unwrap());
    store.record(logout(&subject("ann"), When::Now, at(0))).await.unwrap();
    // There is room for a part of what is written together.
    disk.fill_but(1 << 20);
    let name = |number: usize| subject(&format!("{number:0>200}"));
    let logouts = (0..8_000).map(|number| logout(&name(number), When::Now, at(0))).collect();
    let answers = store.record_together(logouts).await;
    assert!(answers.iter().all(Result::is_err));
    disk.free();
    let mut status = store.status();
    let ready = status.wait_for(|status| *status == Status::Ready);
    tokio::time::timeout(std::time::Duration::from_secs(20), ready).await.expect("it works again").unwrap();
    let answers: Vec<Answer> = (0..8_000).map(name).zip(answers).collect();
    let reached = answers.iter().filter(|(scope, _)| store.get(scope).unwrap().is_some()).count();
    assert!(reached > 0, "none reached the disk, and nothing is shown by this test");
    assert_in_step(&*store, &answers);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_refused_when_the_files_are_gone() {
    let parent = TempDir::new().unwrap();
    let (directory, moved) = (parent.path().join("store"), parent.path().join("moved"));
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&directory).unwrap());
    let before = all_at_once(&store, 3, |caller, number| subject(&format!("user-{caller}-{number}"))).await;
    assert!(before.iter().all(|(_, answer)| answer.is_ok()));
    fs::rename(&directory, &moved).unwrap();
    let after = all_at_once(&store, 3, |caller, number| subject(&format!("late-{caller}-{number}"))).await;
    assert_eq!(after.len(), CALLERS);
    assert!(after.iter().all(|(_, answer)| matches!(answer, Err(StoreError::Unavailable(_)))), "{after:?}");
    assert!(matches!(*store.status().borrow(), Status::Broken(_)));
    assert_eq!(store.revision(), Revision((CALLERS * 3) as u64));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_answers_everybody_who_has_asked() {
    for _ in 0..5 {
        let directory = TempDir::new().unwrap();
        let store: Arc<dyn Store> = Arc::new(SledStore::open(directory.path()).unwrap());
        let name = |number: usize| subject(&format!("user-{number}"));
        // Some are being synced, some written, some wait, when it closes.
        let asked: Vec<_> = (0..2_000).map(|number| store.record(logout(&name(number), When::Now, at(0)))).collect();
        store.close().await.unwrap();
        let mut recorded = Vec::new();
        for answer in asked {
            recorded.push(answer.await.unwrap().record);
        }
        let again = SledStore::open(directory.path()).unwrap();
        for (number, record) in recorded.iter().enumerate() {
            assert_eq!(again.get(&name(number)), Ok(Some(*record)));
        }
        again.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_nobody_holds_any_more_lets_go_of_its_files() {
    let directory = TempDir::new().unwrap();
    let store: Arc<dyn Store> = Arc::new(SledStore::open(directory.path()).unwrap());
    let answers = all_at_once(&store, 2, |caller, number| subject(&format!("user-{caller}-{number}"))).await;
    drop(store);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let again = loop {
        match SledStore::open(directory.path()) {
            Ok(again) => break again,
            Err(error) => assert!(std::time::Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(again.revision(), Revision(answers.len() as u64));
    again.close().await.unwrap();
}
