//! What recording does to a record: the stamp and the join, the same in every backend.

use std::time::Duration;

use crate::domain::{Cutoff, Kind, Mark, NewLogout, Record, Recorded, Revision, Timestamp, When};

/// The result of recording a logout where `known` is the record so far and `latest` the latest instant of any logout
/// whose claims this one is compared with. The record is as before where the logout adds nothing.
pub(super) fn recorded(
    known: Option<Record>,
    latest: Option<Timestamp>,
    logout: &NewLogout,
    next: Revision,
) -> Recorded {
    let (logout_time, kind) = match logout.when {
        When::At(instant) => (instant, Kind::Late),
        When::Now => (stamp(logout.record_time, latest), Kind::Live),
        When::NowAfter(issued_at) => (stamp(logout.record_time.max(issued_at), latest), Kind::Live),
    };
    let mark = Mark { logout_time, record_time: logout.record_time, reason: logout.reason };
    let before = known.map(|record| record.cutoff).unwrap_or_default();
    let after = before.join(Cutoff::of(mark, kind, logout.reauthenticate));
    match known {
        Some(record) if after == before => Recorded { record, advanced: false },
        _ => Recorded { record: Record { cutoff: after, revision: next }, advanced: after.is_ahead_of(&before) },
    }
}

/// The present, or just after the latest logout where the present is not later than that. Strictly: a token that knows
/// of the logout before must not pass for one that knows of this one.
fn stamp(now: Timestamp, latest: Option<Timestamp>) -> Timestamp {
    latest.map_or(now, |latest| now.max(latest.plus(Duration::from_millis(1))))
}

/// The latest instant in a cutoff.
pub(super) fn latest(cutoff: &Cutoff) -> Option<Timestamp> {
    [cutoff.live, cutoff.late, cutoff.authentication].into_iter().flatten().map(|mark| mark.logout_time).max()
}
