//! Laps with made-up times.

use super::*;

const DELAY: Duration = Duration::from_millis(4);
const MS: u64 = 1_000_000;

/// What one lap comes to.
#[derive(Debug, PartialEq)]
struct Lap {
    let_in: usize,
    lasted: u64,
    goes_on: bool,
}

/// A lap of so many calls, each of which takes a while; a refused one takes a tenth of that.
fn lap(laps: &Laps, now: &mut u64, calls: usize, each: u64) -> Lap {
    let (began, mut let_in) = (*now, 0);
    for _ in 0..calls {
        let lets_in = laps.lets_in(*now, DELAY);
        let_in += usize::from(lets_in);
        *now += if lets_in { each } else { each / 10 };
    }
    Lap { let_in, lasted: *now - began, goes_on: laps.end(*now) }
}

/// Nothing to do for a while.
fn rest(laps: &Laps, now: &mut u64, time: u64) {
    while laps.end(*now) {
        *now += 1;
    }
    *now += time;
}

#[test]
fn a_burst_is_answered_in_full() {
    let (laps, mut now) = (Laps::new(), 1);
    for _ in 0..20 {
        assert_eq!(lap(&laps, &mut now, 3_000, MS / 30).let_in, 3_000);
        // As much time as the burst took.
        rest(&laps, &mut now, 100 * MS);
    }
}

#[test]
fn bursts_with_too_little_time_between_them_are_an_overload() {
    let (laps, mut now) = (Laps::new(), 1);
    let bursts = [(); 20].map(|()| {
        let let_in = lap(&laps, &mut now, 3_000, MS / 30).let_in;
        rest(&laps, &mut now, 20 * MS);
        let_in
    });
    assert!(
        bursts.iter().take(5).all(|let_in| *let_in == 3_000) && bursts.iter().skip(10).all(|let_in| *let_in < 100),
        "{bursts:?}"
    );
}

#[test]
fn a_lasting_overload_is_refused_and_what_is_let_in_waits_no_longer_than_it_may() {
    let (laps, mut now) = (Laps::new(), 1);
    for number in 0..200 {
        let (first, second) = (lap(&laps, &mut now, 1_000, MS / 30), lap(&laps, &mut now, 1_000, MS / 30));
        if number > 100 {
            // Enough is let in, and cheap refusals are the rest.
            assert!(first.let_in + second.let_in >= 2 * LEAST_OF_A_LAP, "{first:?} {second:?}");
            assert!(first.lasted + second.lasted < 12 * MS, "{first:?} {second:?}");
        }
    }
    // When waits have been short for a while, all is well.
    lap(&laps, &mut now, 3, MS / 30);
    let over = now + nanos(MEMORY);
    while now <= over {
        assert_eq!(lap(&laps, &mut now, 3, MS / 30).let_in, 3);
    }
    assert_eq!(lap(&laps, &mut now, 1_000, MS / 30).let_in, 1_000);
}

#[test]
fn an_overload_is_seen_where_long_laps_follow_short_ones() {
    // A connection's calls wait behind other connections that have not been read yet.
    let (laps, mut now) = (Laps::new(), 1);
    let mut let_in = 0;
    for number in 0..200 {
        lap(&laps, &mut now, 20, MS / 30);
        let_in = lap(&laps, &mut now, 1_000, MS / 30).let_in;
        if number < 5 {
            assert_eq!(let_in, 1_000);
        }
    }
    assert!(let_in < 130, "{let_in}");
}

#[test]
fn a_call_has_waited_since_the_lap_before_began() {
    let (laps, mut now) = (Laps::new(), 1);
    for _ in 0..100 {
        lap(&laps, &mut now, 1_000, MS / 30);
    }
    // Reading what came in took long, and no call had its turn meanwhile.
    while laps.end(now) {
        now += 1;
    }
    laps.begin(now, 0);
    now += 5 * MS;
    assert!(laps.end(now), "it is not over");
    // Short calls: by this lap alone nobody would have waited too long.
    assert_eq!(lap(&laps, &mut now, 100, MS / 1000).let_in, LEAST_OF_A_LAP);
}

#[test]
fn a_few_calls_are_let_in_however_long_they_take() {
    let (laps, mut now) = (Laps::new(), 1);
    for _ in 0..100 {
        assert_eq!(lap(&laps, &mut now, LEAST_OF_A_LAP, 20 * MS).let_in, LEAST_OF_A_LAP);
    }
    assert_eq!(lap(&laps, &mut now, LEAST_OF_A_LAP + 9, 20 * MS).let_in, LEAST_OF_A_LAP);
}

#[test]
fn a_pause_makes_an_end_of_it() {
    let (laps, mut now) = (Laps::new(), 1);
    for _ in 0..100 {
        lap(&laps, &mut now, 1_000, MS / 30);
    }
    assert!(lap(&laps, &mut now, 1_000, MS / 30).let_in < 1_000);
    rest(&laps, &mut now, nanos(MEMORY) + MS);
    assert_eq!(lap(&laps, &mut now, 1_000, MS / 30).let_in, 1_000);
}

#[test]
fn laps_end_with_the_calls() {
    let (laps, mut now) = (Laps::new(), 1);
    assert!(lap(&laps, &mut now, 1, MS / 30).goes_on);
    assert!(!lap(&laps, &mut now, 0, 0).goes_on);
    assert_eq!(laps.began.load(Ordering::Relaxed), 0);
}

#[test]
fn an_overload_is_over_though_somebody_waits_a_little_now_and_then() {
    let (laps, mut now) = (Laps::new(), 1);
    for _ in 0..100 {
        lap(&laps, &mut now, 1_000, MS / 30);
    }
    // Busy, but not too busy: now and then a lap is long enough to be too long while an overload lasts.
    let over = now + 4 * nanos(MEMORY);
    while now <= over {
        for calls in [12, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3] {
            lap(&laps, &mut now, calls, MS / 30);
        }
    }
    assert_eq!(lap(&laps, &mut now, 1_000, MS / 30).let_in, 1_000);
}
