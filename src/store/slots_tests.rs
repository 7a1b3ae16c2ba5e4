//! A part against a plain map, where scopes crowd, and where they crowd at its end.

use std::{collections::BTreeMap, thread};

use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Instants {
    Instants { live: Some(Timestamp::from_millis(millis).unwrap()), ..Instants::default() }
}

/// Near each other, or at the very end, or anywhere.
fn crowded() -> impl Strategy<Value = Fingerprint> {
    let low = prop_oneof![
        (0_u64..40).prop_map(|near| (1 << 60) + (near << 40)),
        (0_u64..6).prop_map(|near| u64::MAX - (near << 20)),
        0_u64..8,
        any::<u64>(),
    ];
    // Two may share the half that they are ordered by.
    (low, 0_u64..2).prop_map(|(low, high)| Fingerprint { low: low | 1, high })
}

fn set(part: &mut Part, scope: Fingerprint, instants: Instants) {
    while !part.set(scope, instants) {
        *part = part.grown();
    }
}

fn assert_in_order(part: &Part) {
    let lows: Vec<_> = part.slots.iter().map(|slot| slot.0[0].load(Ordering::Relaxed)).collect();
    for (index, pair) in lows.windows(2).enumerate() {
        assert!(pair[0] == 0 || pair[1] == 0 || pair[0] <= pair[1], "slots {index}: {pair:?}");
    }
}

proptest! {
    #[test]
    fn it_answers_as_a_map_does(changes in proptest::collection::vec((crowded(), 0_i64..4), 0..300), others in proptest::collection::vec(crowded(), 50)) {
        let (mut part, mut map) = (Part::new(), BTreeMap::new());
        for (scope, millis) in changes {
            let instants = if millis == 0 { Instants::default() } else { at(millis) };
            set(&mut part, scope, instants);
            map.insert((scope.low, scope.high), (scope, instants));
        }
        assert_in_order(&part);
        for (scope, instants) in map.values() {
            prop_assert_eq!(part.find(*scope), *instants);
            prop_assert!(*instants == Instants::default() || !part.is_surely_absent(*scope));
        }
        for scope in others {
            let known = map.get(&(scope.low, scope.high)).map(|(_, instants)| *instants);
            prop_assert_eq!(part.find(scope), known.unwrap_or_default());
        }
    }
}

/// When most is forgotten, a part becomes smaller; what is left may crowd at its end.
#[test]
fn nothing_is_lost_where_too_many_come_to_stand_at_the_end() {
    let part = Part::with(1000);
    let crowd: Vec<_> =
        (0..30).map(|index| Fingerprint { low: u64::MAX - index * (u64::MAX / 1000), high: index }).collect();
    assert!(crowd.iter().all(|scope| part.set(*scope, at(7))));
    let grown = part.grown();
    assert!(crowd.iter().all(|scope| grown.find(*scope) == at(7)));
    assert!(grown.slots.len() < 1000);
    assert_in_order(&grown);
}

/// Whoever is there is seen at every moment, though others are set before it and move it on.
#[test]
fn nobody_is_missed_while_others_come() {
    for round in 0..200 {
        let part = Part::with(64);
        let ours = Fingerprint { low: (1 << 63) + 1000, high: round };
        assert!(part.set(ours, at(1)));
        thread::scope(|threads| {
            let reader = threads.spawn(|| {
                for _ in 0..2_000 {
                    assert!(!part.is_surely_absent(ours));
                    assert_eq!(part.find(ours), at(1));
                }
            });
            for lower in 0..12 {
                assert!(part.set(Fingerprint { low: (1 << 63) + 2 * lower + 1, high: round }, at(2)));
                thread::yield_now();
            }
            reader.join().unwrap();
        });
    }
}
