//! What logouts leave behind: a cutoff, the instant before which the tokens of a scope are not honoured.
//!
//! A cutoff only moves forward. Recording is a join: idempotent, commutative and associative, so that retries,
//! duplicates, reordered events, two regions and a restored backup all converge on the same state, and nothing can
//! un-log-out a user.
//!
//! Live and late logouts are joined apart. A live one refuses every token whose issuer did not know of it; a late one
//! leaves that to `iat`. Were they one value, a later late logout would hide an earlier live one and turn a refused
//! token into a valid one.

use super::{reason::LogoutReason, time::Timestamp};

/// One logout, as a cutoff remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When it happened.
    pub logout_time: Timestamp,
    /// When Curfew learned of it.
    pub record_time: Timestamp,
    /// Why.
    pub reason: LogoutReason,
}

/// Whether Curfew stamped a logout itself or was told its time afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Stamped by Curfew: whoever asked for the last logout afterwards was told of it.
    Live,
    /// Reported with its time: a token may have been issued after it and before Curfew knew.
    Late,
}

/// Everything that logouts have said of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cutoff {
    /// The latest live logout.
    pub live: Option<Mark>,
    /// The latest late logout, where it is later than the live one: an earlier one refuses nothing that that does not.
    pub late: Option<Mark>,
    /// The latest logout that also ended the authentication.
    pub authentication: Option<Mark>,
}

/// The instants of a cutoff: all that a decision needs of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Instants {
    /// Of [`Cutoff::live`].
    pub live: Option<Timestamp>,
    /// Of [`Cutoff::late`].
    pub late: Option<Timestamp>,
    /// Of [`Cutoff::authentication`].
    pub authentication: Option<Timestamp>,
}

impl Mark {
    /// The later of two; of two at the same instant the one that was learned of first, for it is the first cause.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let order = |mark: &Self| (mark.logout_time, std::cmp::Reverse(mark.record_time), mark.reason);
        if order(&other) > order(&self) { other } else { self }
    }
}

/// Joins two marks of which either may be missing.
fn join(a: Option<Mark>, b: Option<Mark>) -> Option<Mark> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.join(b)),
        (one, other) => one.or(other),
    }
}

impl Cutoff {
    /// The cutoff that one logout leaves.
    #[must_use]
    pub const fn of(mark: Mark, kind: Kind, reauthenticate: bool) -> Self {
        let authentication = if reauthenticate { Some(mark) } else { None };
        match kind {
            Kind::Live => Self { live: Some(mark), late: None, authentication },
            Kind::Late => Self { live: None, late: Some(mark), authentication },
        }
    }

    /// Both together: in each part the later one.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let live = join(self.live, other.live);
        let late = join(self.late, other.late).filter(|late| time(Some(*late)) > time(live));
        Self { live, late, authentication: join(self.authentication, other.authentication) }
    }

    /// The latest logout of the scope and its kind; at equal instants the live one, which is the stricter. None: never.
    #[must_use]
    pub fn latest(&self) -> Option<(Mark, Kind)> {
        match (self.live, self.late) {
            (Some(live), Some(late)) if late.logout_time > live.logout_time => Some((late, Kind::Late)),
            (Some(live), _) => Some((live, Kind::Live)),
            (None, Some(late)) => Some((late, Kind::Late)),
            (None, None) => None,
        }
    }

    /// Its instants.
    #[must_use]
    pub fn instants(&self) -> Instants {
        Instants { live: time(self.live), late: time(self.late), authentication: time(self.authentication) }
    }

    /// Whether `self` refuses anything that `before` does not.
    #[must_use]
    pub fn is_ahead_of(&self, before: &Self) -> bool {
        time(self.live) > time(before.live)
            || time(self.late) > time(before.late).max(time(before.live))
            || time(self.authentication) > time(before.authentication)
    }
}

impl Instants {
    /// Both together, as [`Cutoff::join`] has it.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let live = self.live.max(other.live);
        let late = self.late.max(other.late).filter(|late| Some(*late) > live);
        Self { live, late, authentication: self.authentication.max(other.authentication) }
    }

    /// The latest logout of the scope and its kind, as [`Cutoff::latest`] has it.
    #[must_use]
    pub fn latest(&self) -> Option<(Timestamp, Kind)> {
        let live = self.live.map(|live| (live, Kind::Live));
        match self.late {
            Some(late) if self.live.is_none_or(|live| late > live) => Some((late, Kind::Late)),
            _ => live,
        }
    }
}

/// When it was; none is before everything.
fn time(mark: Option<Mark>) -> Option<Timestamp> {
    mark.map(|mark| mark.logout_time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark() -> impl Strategy<Value = Mark> {
        // Few values, so that equal instants are common.
        (0_i64..6, 0_i64..3, 0_usize..LogoutReason::ALL.len()).prop_map(|(at, seen, reason)| Mark {
            logout_time: Timestamp::from_millis(at).unwrap(),
            record_time: Timestamp::from_millis(seen).unwrap(),
            reason: LogoutReason::ALL[reason],
        })
    }

    fn cutoff() -> impl Strategy<Value = Cutoff> {
        let part = || proptest::option::of(mark());
        (part(), part(), part())
            .prop_map(|(live, late, authentication)| Cutoff { live, late, authentication }.join(Cutoff::default()))
    }

    proptest! {
        #[test]
        fn joining_is_idempotent_commutative_and_associative(a in cutoff(), b in cutoff(), c in cutoff()) {
            prop_assert_eq!(a.join(a), a);
            prop_assert_eq!(a.join(b), b.join(a));
            prop_assert_eq!(a.join(b).join(c), a.join(b.join(c)));
        }

        #[test]
        fn instants_join_and_compare_as_their_cutoffs_do(a in cutoff(), b in cutoff()) {
            prop_assert_eq!(a.instants().join(b.instants()), a.join(b).instants());
            let latest = a.latest().map(|(mark, kind)| (mark.logout_time, kind));
            prop_assert_eq!(a.instants().latest(), latest);
        }

        #[test]
        fn a_cutoff_only_moves_forward(a in cutoff(), b in cutoff()) {
            let joined = a.join(b);
            prop_assert!(!a.is_ahead_of(&joined) && !b.is_ahead_of(&joined));
        }
    }
}
