//! Tests of the plan.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    load: Load,
}

fn plan(arguments: &[&str]) -> Result<Plan, String> {
    let line = Line::try_parse_from([&["bench"], arguments].concat()).map_err(|error| error.to_string())?;
    Plan::of(&line.load, Duration::from_secs(10)).map_err(|Failure(text)| text)
}

fn counts(fresh: f64, logouts: f64, last_logouts: f64, lane: usize) -> [usize; 4] {
    let mut mix = Mix::new(Shares { fresh, logouts, last_logouts }, lane);
    let kinds: Vec<Kind> = (0..10_000).map(|_| mix.next()).collect();
    [Kind::Validate, Kind::Fresh, Kind::Logout, Kind::LastLogout]
        .map(|kind| kinds.iter().filter(|other| **other == kind).count())
}

#[test]
fn kinds_come_in_their_shares_in_every_lane() {
    for lane in 0..50 {
        let found = counts(0.1, 0.02, 0.3, lane);
        for (found, wanted) in found.into_iter().zip([5800, 1000, 200, 3000]) {
            assert!(found.abs_diff(wanted) <= 5, "lane {lane}: {found} of {wanted}");
        }
    }
}

#[test]
fn a_share_of_one_leaves_nothing_to_the_others() {
    assert_eq!(counts(0.0, 0.0, 0.0, 3), [10_000, 0, 0, 0]);
    assert_eq!(counts(1.0, 0.0, 0.0, 3), [0, 10_000, 0, 0]);
    assert_eq!(counts(0.0, 1.0, 0.0, 3), [0, 0, 10_000, 0]);
    assert_eq!(counts(0.0, 0.0, 1.0, 3), [0, 0, 0, 10_000]);
    // Thirds and tenths do not add up exactly, and still no token is asked for.
    assert_eq!(counts(0.7, 0.1, 0.2, 3).first(), Some(&0));
    let third = 1.0 / 3.0;
    assert_eq!(counts(third, third, third, 3).first(), Some(&0));
    assert_eq!(counts(0.9, 0.1, 0.0, 3).last(), Some(&0));
}

#[test]
fn rare_kinds_do_not_bunch() {
    // Of 64 lanes in step, a hundredth of the calls at any one step are logouts, give or take one.
    let mut lanes: Vec<Mix> =
        (0..64).map(|lane| Mix::new(Shares { fresh: 0.0, logouts: 0.01, last_logouts: 0.0 }, lane)).collect();
    for _ in 0..1000 {
        let logouts = lanes.iter_mut().filter_map(|lane| (lane.next() == Kind::Logout).then_some(())).count();
        assert!(logouts <= 4, "{logouts} at once");
    }
}

#[test]
fn what_cannot_be_run_is_said_clearly() {
    for (arguments, wanted) in [
        (&["--connections", "0"][..], "--connections 0"),
        (&["--threads", "0"], "--threads 0"),
        (&["--connections", "8", "--concurrency", "4"], "--concurrency 4"),
        (&["--connections", "1", "--threads", "2"], "--threads 2"),
        (&["--fresh", "1.1"], "--fresh 1.1"),
        (&["--logouts", "NaN"], "--logouts NaN"),
        (&["--fresh", "0.6", "--logouts", "0.6"], "add up"),
        (&["--duration", "0s"], "--duration"),
        (&["--duration", "2days"], "longer than a day"),
        (&["--warm-up", "100000000000years"], "longer than a day"),
        (&["--rate", "0"], "--rate"),
        (&["--rate", "inf"], "--rate"),
        (&["--expect", "GOOD"], "no such verdict"),
        (&["--expect", "UNSPECIFIED"], "no such verdict"),
        (&["--stream", "--logouts", "0.1"], "--stream"),
        (&["--stream", "--rate", "5"], "cannot be used with"),
        (&["--raw-path", "Echo"], "/package.Service/Method"),
        (&["--raw-answer-bytes", "5"], "--raw-path"),
    ] {
        let error = plan(arguments).err().unwrap_or_default();
        assert!(error.contains(wanted), "{arguments:?}: {error}");
    }
    assert_eq!(plan(&["--expect", "subject-logged-out"]).unwrap().expect, Some(Verdict::SubjectLoggedOut));
}

#[test]
fn lanes_and_connections_are_spread_evenly_and_none_is_lost() {
    let plan = plan(&["--connections", "3", "--concurrency", "10", "--threads", "2"]).unwrap();
    let mut lanes: Vec<usize> =
        (0..2).flat_map(|thread| plan.connections_of(thread)).flat_map(|connection| plan.lanes(connection)).collect();
    lanes.sort_unstable();
    assert_eq!(lanes, (0..10).collect::<Vec<_>>());
    assert_eq!([0, 1, 2].map(|connection| plan.lanes(connection).count()), [4, 3, 3]);
}
