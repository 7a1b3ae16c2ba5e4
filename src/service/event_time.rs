//! When something happened, as a caller says it: checked before it can lock a user out or mean nothing.

use std::time::Duration;

use super::ServiceError;
use crate::{domain::Timestamp, token::NumericDate};

/// How far ahead of Curfew's clock an event may be. Clocks of servers differ by milliseconds to a few seconds; a cutoff
/// further ahead would refuse the tokens of logins to come.
const MOST_AHEAD: Duration = Duration::from_secs(10);

/// Seconds from here on are of another unit: as seconds, 10^11 is the year 5138, and a thousand times that is to
/// milliseconds what it is to seconds.
const UNITS: [(&str, i64); 3] = [
    ("nanoseconds", 100_000_000_000_000_000),
    ("microseconds", 100_000_000_000_000),
    ("milliseconds", 100_000_000_000),
];

/// Seconds up to here are thousands of seconds: as seconds it is March 1973.
const LOOKS_LIKE_KILOSECONDS: i64 = 100_000_000;

/// The instant so many seconds and nanoseconds after 1970, if an event can have happened then.
///
/// # Errors
/// [`ServiceError::Invalid`] naming `logout_time`, with the unit that it looks like or by how much it lies ahead.
pub fn event_time(seconds: i64, nanos: i32, now: Timestamp) -> Result<Timestamp, ServiceError> {
    let invalid = |description: String| ServiceError::invalid("logout_time", description);
    if let Some((unit, _)) = UNITS.iter().find(|(_, least)| seconds >= *least) {
        return Err(invalid(format!("looks like {unit} where seconds belong: {seconds}")));
    }
    if seconds < LOOKS_LIKE_KILOSECONDS {
        return Err(invalid(format!(
            "lies before 1973: {seconds} s. It looks like seconds taken for milliseconds and divided by 1000"
        )));
    }
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(invalid(format!("has nanos {nanos}, outside 0 to 999,999,999")));
    }
    let instant = Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(i64::from(nanos / 1_000_000)))
        .map_err(|error| invalid(error.to_string()))?;
    if instant > now.plus(MOST_AHEAD) {
        let ahead = humantime::format_duration(instant.since(now));
        return Err(invalid(format!(
            "lies {ahead} in the future ({instant}; it is {now} here): it would lock the user out until then"
        )));
    }
    Ok(instant)
}

/// When an event happened of which mostly only the second is known, and that is heard of now: now, if that is within the
/// second, else as near to now as it can be.
///
/// Not the beginning of the second: a token that was issued earlier in the second may know of an earlier logout in it, and
/// would then pass for one that knows of this one. Nor ever before the second, if the issuer's clock is ahead of Curfew's: its
/// tokens have its times, too.
pub(super) fn heard_at(date: NumericDate, now: Timestamp) -> Timestamp {
    now.max(date.0).min(date.latest())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_780_000_000;

    fn at(seconds: i64, nanos: i32) -> Result<Timestamp, String> {
        let now = Timestamp::from_millis(NOW * 1000).unwrap();
        event_time(seconds, nanos, now).map_err(|error| error.to_string())
    }

    #[test]
    fn the_past_and_a_little_leeway_are_accepted() {
        assert_eq!(at(NOW - 86_400, 123_999_999).map(Timestamp::as_millis), Ok((NOW - 86_400) * 1000 + 123));
        assert!(at(NOW + 10, 0).is_ok());
    }

    #[test]
    fn a_future_time_is_refused_saying_by_how_much() {
        let error = at(NOW + 3_600, 0).unwrap_err();
        assert!(error.contains("logout_time lies 1h in the future"), "{error}");
        assert!(at(NOW + 10, 1_000_000).is_err());
    }

    #[test]
    fn the_wrong_unit_is_named() {
        for (factor, unit) in [(1_000, "milliseconds"), (1_000_000, "microseconds"), (1_000_000_000, "nanoseconds")] {
            let error = at(NOW * factor, 0).unwrap_err();
            assert!(error.contains(&format!("looks like {unit}")), "{error}");
        }
        assert!(at(NOW / 1000, 0).unwrap_err().contains("looks like seconds taken for milliseconds"));
        assert!(at(-1, 0).is_err() && at(0, 0).is_err());
        assert!(at(NOW, -1).is_err() && at(NOW, 1_000_000_000).is_err());
    }

    #[test]
    fn what_is_known_to_the_second_happened_when_it_was_heard_of_if_that_can_be() {
        let at = |millis| Timestamp::from_millis(NOW * 1000 + millis).unwrap();
        let cases = [
            ("heard of within the second", 0, 437, 437),
            ("heard of later", 0, 60_000, 999),
            ("by a clock that is ahead", 0, -2_500, 0),
            ("known to the millisecond", 250, 437, 250),
            ("known to the millisecond, by a clock that is ahead", 250, 100, 250),
        ];
        for (case, date, now, heard) in cases {
            assert_eq!(heard_at(NumericDate(at(date)), at(now)), at(heard), "{case}");
        }
    }
}
