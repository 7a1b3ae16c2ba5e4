//! Instants, to the millisecond, and the one trait through which the present is read.
//!
//! No rule reads a clock: the present is an argument. [`Clock`] is implemented where the program is wired together, and
//! by tests that set the time by hand.

use std::{fmt, time::Duration};

use ::time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Always between [`Timestamp::EPOCH`] and [`Timestamp::MAX`], so that it can be shown as RFC 3339 and fits a
/// `google.protobuf.Timestamp`. Arithmetic stops at these ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a number or a text is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Before 1970 or after 9999.
    #[error("the time lies outside the years 1970 to 9999")]
    OutOfRange,
    /// Not as RFC 3339, section 5.6, has it.
    #[error("not a time as in RFC 3339 (for example 2026-01-31T12:00:00.123Z)")]
    NotRfc3339,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The instant so many milliseconds after the epoch.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] outside 1970 to 9999.
    pub const fn from_millis(millis: i64) -> Result<Self, TimeError> {
        if millis < Self::EPOCH.0 || millis > Self::MAX.0 {
            return Err(TimeError::OutOfRange);
        }
        Ok(Self(millis))
    }

    /// The instant that a text of RFC 3339 names, with any offset; what is finer than a millisecond is cut off.
    ///
    /// # Errors
    /// [`TimeError::NotRfc3339`], or [`TimeError::OutOfRange`] outside 1970 to 9999.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimeError> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimeError::NotRfc3339)?;
        let millis = parsed.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(millis).map_or(Err(TimeError::OutOfRange), Self::from_millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whether it falls on a whole second, as `iat` of most issuers does.
    #[must_use]
    pub const fn is_whole_second(self) -> bool {
        self.0 % 1000 == 0
    }

    /// The beginning of the second that it lies in.
    #[must_use]
    pub const fn start_of_second(self) -> Self {
        Self(self.0 - self.0 % 1000)
    }

    /// The instant so much later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis).min(Self::MAX.0))
    }

    /// The instant so much earlier, at least [`Timestamp::EPOCH`].
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis).max(Self::EPOCH.0))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, always with milliseconds: `2026-01-31T12:00:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000)).map_err(|_| fmt::Error)?;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second(),
            self.0.rem_euclid(1000),
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Tells the present.
pub trait Clock: Send + Sync + 'static {
    /// The present instant. May step backwards, as system clocks do.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_goes_there_and_back() {
        for text in ["1970-01-01T00:00:00.000Z", "2026-02-28T23:59:59.999Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(Timestamp::parse_rfc3339(text).map(|t| t.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn an_offset_and_finer_digits_are_understood() {
        let with_offset = Timestamp::parse_rfc3339("2026-01-01T02:00:00.1239+02:00");
        assert_eq!(with_offset, Timestamp::parse_rfc3339("2026-01-01T00:00:00.123Z"));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), Err(TimeError::NotRfc3339));
        assert_eq!(Timestamp::parse_rfc3339("1969-12-31T23:59:59Z"), Err(TimeError::OutOfRange));
        assert_eq!(Timestamp::from_millis(-1), Err(TimeError::OutOfRange));
        assert_eq!(Timestamp::from_millis(i64::MAX), Err(TimeError::OutOfRange));
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::EPOCH.minus(Duration::MAX), Timestamp::EPOCH);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
    }
}
