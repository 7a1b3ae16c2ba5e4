//! The view against a plain map, and while it is written.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use proptest::prelude::*;

use super::*;
use crate::domain::{Issuer, SubjectId, Timestamp};

fn view() -> View {
    View::new().unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn subject(number: u32) -> Scope {
    Scope::Subject(Issuer::parse("https://op.example").unwrap(), SubjectId::parse(&number.to_string()).unwrap())
}

fn live(millis: i64) -> Instants {
    Instants { live: Some(at(millis)), ..Instants::default() }
}

fn any_instants() -> impl Strategy<Value = Instants> {
    let end = Timestamp::MAX.as_millis();
    let instant = || proptest::option::of(prop_oneof![Just(0), Just(end), 0..=end].prop_map(at));
    (instant(), instant(), instant()).prop_map(|(live, late, authentication)| Instants { live, late, authentication })
}

proptest! {
    #[test]
    fn it_answers_as_a_map_does(changes in proptest::collection::vec((0_u32..400, any_instants()), 0..800)) {
        let (view, mut map) = (view(), HashMap::new());
        for (number, instants) in changes {
            view.set(view.fingerprint(&subject(number)), instants);
            map.insert(number, instants);
        }
        for number in 0..400 {
            let expected = map.get(&number).copied().unwrap_or_default();
            prop_assert_eq!(view.look_up([Some(view.fingerprint(&subject(number)))]), [expected]);
        }
    }

    #[test]
    fn joining_is_a_cutoff_s_join(a in any_instants(), b in any_instants()) {
        let view = view();
        let scope = view.fingerprint(&subject(1));
        view.join(scope, a);
        view.join(scope, b);
        // What is joined to nothing first comes into its normal form.
        prop_assert_eq!(view.look_up_one(scope), Instants::default().join(a).join(b));
    }
}

#[test]
fn a_hundred_thousand_are_all_found_and_what_is_forgotten_leaves_room() {
    let view = view();
    for number in 0..100_000 {
        view.set(view.fingerprint(&subject(number)), live(i64::from(number)));
    }
    assert_eq!(view.len(), 100_000);
    // 32 bytes each, and between half and seven tenths of the slots in use.
    assert!(view.bytes() <= 100_000 * 70, "{}", view.bytes());
    for number in 0..100_000 {
        assert_eq!(view.look_up_one(view.fingerprint(&subject(number))), live(i64::from(number)));
        view.set(view.fingerprint(&subject(number)), Instants::default());
    }
    let bytes = view.bytes();
    for number in 200_000..260_000 {
        view.set(view.fingerprint(&subject(number)), live(1));
    }
    assert!(view.bytes() <= bytes, "{} grew to {}", bytes, view.bytes());
    assert_eq!(view.look_up_one(view.fingerprint(&subject(5))), Instants::default());
}

#[test]
fn several_are_looked_up_together_in_their_order() {
    let view = view();
    let [a, b, c] = [1, 2, 3].map(|number| view.fingerprint(&subject(number)));
    view.set(a, live(1));
    view.set(c, live(3));
    assert_eq!(
        view.look_up([Some(c), None, Some(b), Some(a)]),
        [live(3), Instants::default(), Instants::default(), live(1)]
    );
}

#[test]
fn a_fingerprint_is_of_one_view_only() {
    assert_ne!(view().fingerprint(&subject(1)), view().fingerprint(&subject(1)));
}

/// A reader must see all of one write or all of another: the instants of a slot are three words.
#[test]
fn a_reader_never_sees_half_a_write() {
    let (view, stop) = (view(), AtomicBool::new(false));
    let scopes: Vec<_> = (0..64).map(|number| view.fingerprint(&subject(number))).collect();
    let all = |millis| Instants { live: Some(at(millis)), late: Some(at(millis)), authentication: Some(at(millis)) };
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for scope in &scopes {
                        let found = view.look_up_one(*scope);
                        assert!(found.live == found.late && found.late == found.authentication, "{found:?}");
                    }
                }
            });
        }
        // Others come, so that parts grow as well.
        for round in 0..3_000_i64 {
            for scope in &scopes {
                view.set(*scope, all(round * 0x0001_2345_6789 % Timestamp::MAX.as_millis()));
            }
            let new = u32::try_from(round).unwrap() + 1_000;
            view.set(view.fingerprint(&subject(new)), all(1));
        }
        stop.store(true, Ordering::Relaxed);
    });
}
