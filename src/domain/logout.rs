//! A logout on its way into the store, and what the store keeps of all of them.

use super::{cutoff::Cutoff, reason::LogoutReason, scope::Scope, time::Timestamp};

/// When a logout happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Now: the store stamps it, strictly after every logout of the scope that it knows.
    Now,
    /// Now as well, but not before this instant, at which a token was issued that it must refuse: the issuer's clock may
    /// be ahead.
    NowAfter(Timestamp),
    /// At an instant that the caller knows.
    At(Timestamp),
}

/// A logout to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogout {
    /// What it covers.
    pub scope: Scope,
    /// When it happened.
    pub when: When,
    /// When Curfew learned of it: the present.
    pub record_time: Timestamp,
    /// Why.
    pub reason: LogoutReason,
    /// Whether it also ended the authentication.
    pub reauthenticate: bool,
}

/// The position of a change in the order of all changes. Strictly increasing, never reused; zero is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// What is known of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The join of all its logouts.
    pub cutoff: Cutoff,
    /// The position of its last change.
    pub revision: Revision,
}

/// What recording did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The record now in force.
    pub record: Record,
    /// Whether any of its instants moved forward.
    pub advanced: bool,
}
