//! The laws of a store, which every backend sits.

use std::{collections::HashSet, sync::Arc, time::Duration};

use curfew::{
    domain::{
        ClientId, Cutoff, Instants, Issuer, KeyId, Kind, LogoutReason, Mark, NewLogout, Record, Recorded, Revision,
        Scope, SessionId, SubjectId, TokenId, When,
    },
    service::{Issuers, forgettable, horizon},
    store::{Lane, MemoryStore, SledStore, Status, Store, StoreError},
    token::{Claims, Cutoffs, decide},
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::{at, logout, subject};

/// A store under examination, and what must outlive it.
struct Candidate {
    store: Arc<dyn Store>,
    _directory: Option<TempDir>,
}

fn memory() -> Candidate {
    Candidate { store: Arc::new(MemoryStore::new()), _directory: None }
}

fn sled() -> Candidate {
    let directory = TempDir::new().unwrap();
    let store = SledStore::open(&directory.path().join("store")).unwrap();
    Candidate { store: Arc::new(store), _directory: Some(directory) }
}

/// Two tests of each law, one for each backend.
mod each {
    use super::*;

    macro_rules! both {
        ($($law:ident)*) => { $(
            mod $law {
                #[tokio::test(flavor = "multi_thread")]
                async fn holds_in_memory() {
                    super::$law(super::memory().store).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn holds_on_sled() {
                    let candidate = super::sled();
                    super::$law(super::Arc::clone(&candidate.store)).await;
                    candidate.store.close().await.unwrap();
                }
            }
        )* };
    }

    both! {
        append_then_read
        unknown_is_none
        an_older_logout_does_not_move_the_cutoff_back
        a_repeat_changes_nothing
        a_late_logout_keeps_its_time
        live_and_late_are_kept_apart
        a_stamp_is_strictly_later
        a_late_logout_before_a_live_one_changes_nothing
        a_logout_by_a_token_is_not_before_the_token
        a_stamp_is_later_than_the_subject_s_at_any_client
        several_together_are_recorded_one_after_the_other
        revisions_rise
        waiting_for_a_revision_ends_when_it_is_there
        identifiers_are_byte_exact_and_case_sensitive
        longest_and_oddest_identifiers
        a_session_s_logout_leaves_the_subject_alone
        a_logout_that_ended_authentications_is_kept_for_clients_and_issuers
        many_writers_at_once
        a_dropped_future_leaves_old_or_new_never_half
        a_closed_store_says_so
        expiry_never_drops_what_could_still_refuse_a_live_token
    }
}

pub(crate) fn issuer() -> Issuer {
    Issuer::parse("https://op.example").unwrap()
}

async fn record(store: &Arc<dyn Store>, scope: &Scope, when: When, now: i64) -> Recorded {
    let recorded = store.record(logout(scope, when, at(now))).await.unwrap();
    // Another writer may have been there since.
    let seen = seen(store, scope);
    assert_eq!(seen.join(recorded.record.cutoff.instants()), seen);
    recorded
}

/// What a check sees of a scope.
fn seen(store: &Arc<dyn Store>, scope: &Scope) -> Instants {
    let [seen] = store.view().look_up([Some(store.view().fingerprint(scope))]);
    seen
}

/// What it must see.
fn known(store: &Arc<dyn Store>, scope: &Scope) -> Instants {
    store.get(scope).unwrap().map(|record| record.cutoff.instants()).unwrap_or_default()
}

fn late(millis: i64) -> When {
    When::At(at(millis))
}

async fn append_then_read(store: Arc<dyn Store>) {
    let recorded = record(&store, &subject("ann"), When::Now, 5).await;
    assert!(recorded.advanced);
    assert_eq!(store.get(&subject("ann")), Ok(Some(recorded.record)));
    let (mark, kind) = recorded.record.cutoff.latest().unwrap();
    assert_eq!((mark.logout_time, mark.record_time, kind), (at(5), at(5), Kind::Live));
    assert_eq!(mark.reason, LogoutReason::UserLogout);
}

async fn unknown_is_none(store: Arc<dyn Store>) {
    assert_eq!(store.get(&subject("ann")), Ok(None));
    assert_eq!(store.revision(), Revision(0));
}

async fn an_older_logout_does_not_move_the_cutoff_back(store: Arc<dyn Store>) {
    let newer = record(&store, &subject("ann"), late(100), 200).await;
    let older = record(&store, &subject("ann"), late(50), 300).await;
    assert!(!older.advanced);
    assert_eq!(older.record, newer.record);
    assert_eq!(store.get(&subject("ann")), Ok(Some(newer.record)));
}

async fn a_repeat_changes_nothing(store: Arc<dyn Store>) {
    let first = record(&store, &subject("ann"), late(100), 200).await;
    for now in [200, 300] {
        let again = record(&store, &subject("ann"), late(100), now).await;
        assert_eq!((again.advanced, again.record), (false, first.record));
    }
    assert_eq!(store.revision(), first.record.revision);
}

async fn a_late_logout_keeps_its_time(store: Arc<dyn Store>) {
    let recorded = record(&store, &subject("ann"), late(-86_400_000), 0).await;
    let (mark, kind) = recorded.record.cutoff.latest().unwrap();
    assert_eq!((mark.logout_time, mark.record_time, kind), (at(-86_400_000), at(0), Kind::Late));
}

async fn live_and_late_are_kept_apart(store: Arc<dyn Store>) {
    record(&store, &subject("ann"), When::Now, 100).await;
    let both = record(&store, &subject("ann"), late(150), 200).await.record.cutoff;
    assert_eq!(both.live.map(|mark| mark.logout_time), Some(at(100)));
    assert_eq!(both.late.map(|mark| mark.logout_time), Some(at(150)));
}

async fn a_late_logout_before_a_live_one_changes_nothing(store: Arc<dyn Store>) {
    let live = record(&store, &subject("ann"), When::Now, 100).await;
    for earlier in [50, 100] {
        let known = record(&store, &subject("ann"), late(earlier), 200).await;
        assert_eq!((known.advanced, known.record), (false, live.record));
    }
    assert_eq!(store.revision(), live.record.revision);
}

async fn a_logout_by_a_token_is_not_before_the_token(store: Arc<dyn Store>) {
    let stamp = |recorded: Recorded| recorded.record.cutoff.live.unwrap().logout_time;
    assert_eq!(stamp(record(&store, &subject("ann"), When::NowAfter(at(3_000)), 1_000).await), at(3_000));
    assert_eq!(stamp(record(&store, &subject("ann"), When::NowAfter(at(500)), 1_000).await), at(3_001));
    assert_eq!(stamp(record(&store, &subject("bob"), When::NowAfter(at(500)), 1_000).await), at(1_000));
}

async fn a_stamp_is_strictly_later(store: Arc<dyn Store>) {
    let first = record(&store, &subject("ann"), When::Now, 100).await;
    // The same instant, and a clock that was set back by an hour.
    let second = record(&store, &subject("ann"), When::Now, 100).await;
    let third = record(&store, &subject("ann"), When::Now, -3_600_000).await;
    let times = [first, second, third].map(|recorded| recorded.record.cutoff.live.unwrap().logout_time);
    assert_eq!(times, [at(100), at(101), at(102)]);
    assert!(second.advanced && third.advanced);
    // A late logout ahead of the clock pushes it on too.
    record(&store, &subject("bob"), late(5_000), 0).await;
    let stamped = record(&store, &subject("bob"), When::Now, 1).await;
    assert_eq!(stamped.record.cutoff.live.unwrap().logout_time, at(5_001));
}

async fn a_stamp_is_later_than_the_subject_s_at_any_client(store: Arc<dyn Store>) {
    let at_client = |client: &str| {
        Scope::SubjectAtClient(issuer(), SubjectId::parse("ann").unwrap(), ClientId::parse(client).unwrap())
    };
    let stamp = |recorded: Recorded| recorded.record.cutoff.live.unwrap().logout_time;
    assert_eq!(stamp(record(&store, &at_client("app"), When::Now, 100).await), at(100));
    assert_eq!(stamp(record(&store, &subject("ann"), When::Now, 100).await), at(101));
    assert_eq!(stamp(record(&store, &at_client("shop"), When::Now, 50).await), at(102));
    // Others are not concerned, not even one whose name begins alike.
    assert_eq!(stamp(record(&store, &subject("anna"), When::Now, 50).await), at(50));
}

async fn several_together_are_recorded_one_after_the_other(store: Arc<dyn Store>) {
    let [ann, bob] = ["ann", "bob"].map(subject);
    let asked = [&ann, &bob, &ann].map(|scope| logout(scope, When::Now, at(5)));
    let answers: Vec<Recorded> = store.record_together(asked.to_vec()).await.into_iter().map(Result::unwrap).collect();
    let revisions: Vec<u64> = answers.iter().map(|answer| answer.record.revision.0).collect();
    assert_eq!(revisions, [1, 2, 3]);
    assert_eq!(store.get(&ann), Ok(Some(answers[2].record)));
    assert_eq!(answers[2].record.cutoff.live.map(|mark| mark.logout_time), Some(at(6)));
    assert_eq!(store.record_together(Vec::new()).await, []);
    // By way of a lane, too, each is told what came of its own.
    let lane = Lane::new(Arc::clone(&store));
    let moving = Arc::clone(&lane);
    let moving = tokio::spawn(async move { moving.run().await });
    let calls = (0..50).map(|number| {
        let (lane, scope) = (Arc::clone(&lane), subject(&format!("user-{number}")));
        tokio::spawn(async move { (lane.record(logout(&scope, When::Now, at(9))).await.unwrap(), scope) })
    });
    for call in calls.collect::<Vec<_>>() {
        let (recorded, scope) = call.await.unwrap();
        assert_eq!(store.get(&scope), Ok(Some(recorded.record)));
    }
    store.close().await.unwrap();
    assert_eq!(lane.record(logout(&ann, When::Now, at(9))).await, Err(StoreError::Closed));
    moving.abort();
}

async fn revisions_rise(store: Arc<dyn Store>) {
    let mut before = store.revision();
    for name in ["ann", "bob", "ann", "cid"] {
        let revision = record(&store, &subject(name), When::Now, 1).await.record.revision;
        assert!(revision > before);
        assert_eq!(store.revision(), revision);
        before = revision;
    }
}

async fn waiting_for_a_revision_ends_when_it_is_there(store: Arc<dyn Store>) {
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.reached(Revision(2)).await })
    };
    record(&store, &subject("ann"), When::Now, 1).await;
    assert!(!waiting.is_finished());
    record(&store, &subject("bob"), When::Now, 1).await;
    assert_eq!(tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap(), Ok(()));
    assert_eq!(store.reached(Revision(0)).await, Ok(()));
}

async fn identifiers_are_byte_exact_and_case_sensitive(store: Arc<dyn Store>) {
    record(&store, &subject("Ann"), When::Now, 1).await;
    for other in ["ann", "ANN", "Ann ", " Ann", "Ann\0", "Änn", "A\u{308}nn"] {
        assert_eq!(store.get(&subject(other)), Ok(None), "{other:?}");
    }
    let elsewhere = Scope::Subject(Issuer::parse("https://op.example/").unwrap(), SubjectId::parse("Ann").unwrap());
    assert_eq!(store.get(&elsewhere), Ok(None));
}

async fn longest_and_oddest_identifiers(store: Arc<dyn Store>) {
    let odd = ["\0", "\u{1}\0x", "auth0|5f7c8ec7c33c6c004bbafe82", "☃", "a\nb", "'; --", "{}", "%00", "../x"];
    let longest = "é".repeat(256);
    let mut recorded = Vec::new();
    for name in odd.into_iter().chain([longest.as_str()]) {
        recorded.push((name, record(&store, &subject(name), When::Now, 1).await.record));
    }
    for (name, record) in recorded {
        assert_eq!(store.get(&subject(name)), Ok(Some(record)), "{name:?}");
    }
}

async fn a_session_s_logout_leaves_the_subject_alone(store: Arc<dyn Store>) {
    // Every kind of scope with the same name.
    let scopes = [
        Scope::Session(issuer(), SessionId::parse("x").unwrap()),
        Scope::Subject(issuer(), SubjectId::parse("x").unwrap()),
        Scope::SubjectAtClient(issuer(), SubjectId::parse("x").unwrap(), ClientId::parse("x").unwrap()),
        Scope::Token(issuer(), TokenId::parse("x").unwrap()),
        Scope::Client(issuer(), ClientId::parse("x").unwrap()),
        Scope::Key(issuer(), KeyId::parse("x").unwrap()),
        Scope::Issuer(issuer()),
    ];
    for (index, scope) in scopes.iter().enumerate() {
        record(&store, scope, When::Now, 1).await;
        for other in &scopes[index + 1..] {
            assert_eq!(store.get(other), Ok(None), "{scope:?} touched {other:?}");
        }
    }
}

async fn a_logout_that_ended_authentications_is_kept_for_clients_and_issuers(store: Arc<dyn Store>) {
    let issuers = Issuers::new(vec![crate::doors::configured_issuer("op", "https://op.example")]);
    let scopes = [Scope::Client(issuer(), ClientId::parse("app").unwrap()), Scope::Issuer(issuer())];
    for scope in &scopes {
        let ended = NewLogout { reauthenticate: true, ..logout(scope, When::Now, at(0)) };
        store.record(ended).await.unwrap();
    }
    let plain = Scope::Client(issuer(), ClientId::parse("shop").unwrap());
    record(&store, &plain, When::Now, 0).await;
    // Long after every token of that time is dead, a token refreshed since may go back to that authentication.
    assert_eq!(store.forget(forgettable(&issuers, None, at(1_000_000_000))).await, Ok(1));
    assert_eq!(store.get(&plain), Ok(None));
    for kept in &scopes {
        assert!(store.get(kept).unwrap().is_some());
    }
}

async fn many_writers_at_once(store: Arc<dyn Store>) {
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut revisions = Vec::new();
                for turn in 0..20 {
                    // Half of them fight over one subject.
                    let name = if writer % 2 == 0 { "shared".to_owned() } else { format!("own-{writer}") };
                    let recorded = record(&store, &subject(&name), When::Now, turn).await;
                    assert!(store.get(&subject(&name)).unwrap().unwrap().revision >= recorded.record.revision);
                    revisions.push(recorded.record.revision);
                }
                assert!(revisions.is_sorted());
                revisions
            })
        })
        .collect();
    let mut all = HashSet::new();
    for writer in writers {
        for revision in writer.await.unwrap() {
            assert!(all.insert(revision), "{revision:?} was given out twice");
        }
    }
    assert_eq!(store.revision(), Revision(64 * 20));
}

async fn a_dropped_future_leaves_old_or_new_never_half(store: Arc<dyn Store>) {
    for turn in 0..200 {
        let name = format!("user-{turn}");
        drop(store.record(logout(&subject(&name), When::Now, at(turn))));
        let after = record(&store, &subject("last"), When::Now, 1).await;
        if let Some(found) = store.get(&subject(&name)).unwrap() {
            assert_eq!(found.cutoff.live.map(|mark| mark.logout_time), Some(at(turn)));
            assert!(found.revision < after.record.revision);
        }
    }
}

async fn a_closed_store_says_so(store: Arc<dyn Store>) {
    record(&store, &subject("ann"), When::Now, 1).await;
    store.close().await.unwrap();
    assert_eq!(*store.status().borrow(), Status::Closed);
    assert_eq!(store.record(logout(&subject("ann"), When::Now, at(2))).await, Err(StoreError::Closed));
    assert_eq!(store.get(&subject("ann")), Err(StoreError::Closed));
    assert_eq!(store.close().await, Ok(()));
}

async fn expiry_never_drops_what_could_still_refuse_a_live_token(store: Arc<dyn Store>) {
    let issuers = Issuers::new(vec![crate::doors::configured_issuer("op", "https://op.example")]);
    let horizon = i64::try_from(horizon(&issuers.all()[0].rules).as_millis()).unwrap();
    let session = |name: &str| Scope::Session(issuer(), SessionId::parse(name).unwrap());
    let foreign = Scope::Session(Issuer::parse("https://gone.example").unwrap(), SessionId::parse("s").unwrap());
    record(&store, &session("old"), When::Now, 0).await;
    record(&store, &session("new"), When::Now, 1).await;
    // It happened long ago, but was learned of just now.
    record(&store, &session("late"), late(-86_400_000), 1).await;
    record(&store, &subject("ann"), When::Now, 0).await;
    record(&store, &foreign, When::Now, 0).await;
    let forgotten = store.forget(forgettable(&issuers, None, at(horizon))).await;
    assert_eq!(forgotten, Ok(1));
    assert_eq!(store.get(&session("old")), Ok(None));
    assert_eq!(seen(&store, &session("old")), Instants::default());
    for kept in [session("new"), session("late"), subject("ann"), foreign] {
        assert!(store.get(&kept).unwrap().is_some(), "{kept:?}");
        assert_eq!(seen(&store, &kept), known(&store, &kept));
    }
    let again = record(&store, &session("old"), When::Now, 2).await;
    assert!(again.record.revision > Revision(5), "a revision was used again");
    let retention = Some(Duration::from_secs(1));
    assert_eq!(store.forget(forgettable(&issuers, retention, at(horizon - 1))).await, Ok(0));
    assert_eq!(store.forget(forgettable(&issuers, retention, at(horizon))).await, Ok(1));
    assert_eq!(store.get(&subject("ann")), Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn sled_survives_being_opened_again() {
    let directory = TempDir::new().unwrap();
    let mut expected: Vec<(String, curfew::domain::Record)> = Vec::new();
    for round in 0..5 {
        let store: Arc<dyn Store> = Arc::new(SledStore::open(directory.path()).unwrap());
        for (name, record) in &expected {
            assert_eq!(store.get(&subject(name)), Ok(Some(*record)));
            assert_eq!(seen(&store, &subject(name)), record.cutoff.instants());
        }
        assert_eq!(store.revision(), Revision(round * 10));
        for number in 0..10 {
            let name = format!("user-{round}-{number}");
            let recorded = record(&store, &subject(&name), When::Now, 1).await;
            expected.push((name, recorded.record));
        }
        store.close().await.unwrap();
    }
}

/// A scope of each kind that is forgotten by itself, and its cutoff where a token with all names `x` meets it.
fn covering(kind: u8, cutoff: Cutoff) -> (Scope, Cutoffs) {
    let cutoff = cutoff.instants();
    let none = Cutoffs::default();
    match kind {
        0 => (Scope::Session(issuer(), SessionId::parse("x").unwrap()), Cutoffs { session: cutoff, ..none }),
        1 => (Scope::Token(issuer(), TokenId::parse("x").unwrap()), Cutoffs { token: cutoff, ..none }),
        2 => (Scope::Client(issuer(), ClientId::parse("x").unwrap()), Cutoffs { client: cutoff, ..none }),
        3 => (Scope::Key(issuer(), KeyId::parse("x").unwrap()), Cutoffs { key: cutoff, ..none }),
        _ => (Scope::Subject(issuer(), SubjectId::parse("x").unwrap()), Cutoffs { subject: cutoff, ..none }),
    }
}

fn any_logout() -> impl Strategy<Value = NewLogout> {
    let scope = (0..4_u8, 0..3_u8, 0..2_u8).prop_map(|(kind, name, client)| {
        let (name, client) = (format!("n{name}"), format!("c{client}"));
        match kind {
            0 => Scope::Subject(issuer(), SubjectId::parse(&name).unwrap()),
            1 => Scope::SubjectAtClient(issuer(), SubjectId::parse(&name).unwrap(), ClientId::parse(&client).unwrap()),
            2 => Scope::Session(issuer(), SessionId::parse(&name).unwrap()),
            _ => Scope::Issuer(issuer()),
        }
    });
    (scope, proptest::option::of(0_i64..50), 0_i64..50, 0..LogoutReason::ALL.len(), any::<bool>()).prop_map(
        |(scope, event, now, reason, reauthenticate)| NewLogout {
            scope,
            when: event.map_or(When::Now, late),
            record_time: at(now),
            reason: LogoutReason::ALL[reason],
            reauthenticate,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sled_does_what_the_model_does(logouts in proptest::collection::vec(any_logout(), 1..60)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (model, candidate) = (memory().store, sled());
        for logout in logouts {
            let expected = runtime.block_on(model.record(logout.clone()));
            let found = runtime.block_on(candidate.store.record(logout.clone()));
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(candidate.store.get(&logout.scope), model.get(&logout.scope));
            prop_assert_eq!(seen(&candidate.store, &logout.scope), known(&model, &logout.scope));
            prop_assert_eq!(candidate.store.revision(), model.revision());
        }
        runtime.block_on(candidate.store.close()).unwrap();
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_could_still_refuse_a_live_token_is_never_forgotten(
        learned in 0_i64..20_000, event in -4_000_000_i64..10_000, live in any::<bool>(), kind in 0..5_u8,
        issued in -30_000_i64..30_000, lifetime in 0_i64..4_000_000, now in 0_i64..8_000_000, skew in 0..3_u64,
    ) {
        let mut issuer = crate::doors::configured_issuer("op", "https://op.example");
        issuer.rules.clock_skew = Duration::from_secs(skew);
        let rules = issuer.rules.clone();
        let issuers = Issuers::new(vec![issuer]);
        let logout_time = if live { at(learned) } else { at(event.min(learned + 10_000)) };
        let mark = Mark { logout_time, record_time: at(learned), reason: LogoutReason::Administrator };
        let cutoff = Cutoff::of(mark, if live { Kind::Live } else { Kind::Late }, false);
        let (scope, cutoffs) = covering(kind, cutoff);
        let token = serde_json::json!({
            "iss": "https://op.example", "sub": "x", "aud": "https://api.example", "sid": "x", "jti": "x",
            "client_id": "x", "iat": at(issued).as_millis() / 1000, "exp": (at(issued).as_millis() + lifetime) / 1000,
        });
        let claims = Claims::read(token.as_object().unwrap(), &rules).unwrap();
        // A session's and a token's id are used once: a token that is issued after its logout was learned of is not one
        // that it has to refuse.
        let used_once = matches!(scope, Scope::Session(..) | Scope::Token(..));
        let concerned = !used_once || issued <= learned + 10_000;
        let alive = decide(&claims, &Cutoffs::default(), &rules, &[], at(now)).is_ok();
        let refused = decide(&claims, &cutoffs, &rules, &[], at(now)).is_err();
        if concerned && alive && refused {
            let record = Record { cutoff, revision: Revision(1) };
            prop_assert!(!forgettable(&issuers, Some(Duration::ZERO), at(now))(&scope, &record));
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_order_of_late_logouts_gives_the_same_state(
        logouts in proptest::collection::vec(any_logout(), 1..20), seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        // Live ones are stamped when they come, so that only those that carry their time can come in another order.
        let mut logouts: Vec<NewLogout> = logouts.into_iter().filter(|logout| logout.when != When::Now).collect();
        let (one, other) = (memory().store, memory().store);
        for logout in &logouts {
            runtime.block_on(one.record(logout.clone())).unwrap();
        }
        let mut state = seed;
        for index in (1..logouts.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            logouts.swap(index, usize::try_from(state >> 33).unwrap() % (index + 1));
        }
        for logout in &logouts {
            runtime.block_on(other.record(logout.clone())).unwrap();
        }
        for logout in &logouts {
            let cutoff = |store: &Arc<dyn Store>| store.get(&logout.scope).unwrap().map(|record| record.cutoff);
            prop_assert_eq!(cutoff(&one), cutoff(&other));
        }
    }
}
