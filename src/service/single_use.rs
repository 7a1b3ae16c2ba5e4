//! Tokens that are good for one request: taken once, and never again while they hold.
//!
//! None that still holds is ever forgotten to make room: where there is none left, nobody is let in.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::domain::{Issuer, Timestamp, TokenId};

/// How many are remembered at a time. They hold for minutes, so that this is hundreds a second.
const MOST: usize = 131_072;

/// The tokens that were taken, and from when on each no longer holds.
#[derive(Default)]
pub(super) struct SingleUse(Mutex<HashMap<(Issuer, TokenId), Timestamp>>);

/// Why a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotTakenOnce {
    /// It was before.
    Used,
    /// Too many others hold at the moment.
    Full,
}

impl SingleUse {
    /// Takes a token that holds until it `ends`.
    pub(super) fn take(
        &self,
        issuer: &Issuer,
        token: &TokenId,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<(), NotTakenOnce> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (issuer.clone(), token.clone());
        if taken.get(&key).is_some_and(|ends| *ends > now) {
            return Err(NotTakenOnce::Used);
        }
        if taken.len() >= MOST {
            taken.retain(|_, ends| *ends > now);
        }
        if taken.len() >= MOST {
            return Err(NotTakenOnce::Full);
        }
        taken.insert(key, ends);
        Ok(())
    }

    /// Lets a token be taken once more, for nothing came of it by our own fault.
    pub(super) fn give_back(&self, issuer: &Issuer, token: &TokenId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(issuer.clone(), token.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000).unwrap()
    }

    fn id(number: usize) -> TokenId {
        TokenId::parse(&number.to_string()).unwrap()
    }

    #[test]
    fn a_token_is_taken_once_while_it_holds_and_of_its_issuer() {
        let (uses, issuer, other) = (SingleUse::default(), Issuer::parse("a").unwrap(), Issuer::parse("b").unwrap());
        assert_eq!(uses.take(&issuer, &id(1), at(10), at(0)), Ok(()));
        assert_eq!(uses.take(&issuer, &id(1), at(10), at(9)), Err(NotTakenOnce::Used));
        assert_eq!(uses.take(&other, &id(1), at(10), at(9)), Ok(()));
        uses.give_back(&issuer, &id(1));
        assert_eq!(uses.take(&issuer, &id(1), at(10), at(9)), Ok(()));
    }

    #[test]
    fn none_that_holds_is_forgotten_for_another() {
        let (uses, issuer) = (SingleUse::default(), Issuer::parse("a").unwrap());
        for number in 0..MOST {
            assert_eq!(uses.take(&issuer, &id(number), at(10), at(0)), Ok(()));
        }
        assert_eq!(uses.take(&issuer, &id(MOST), at(10), at(9)), Err(NotTakenOnce::Full));
        assert_eq!(uses.take(&issuer, &id(0), at(10), at(9)), Err(NotTakenOnce::Used));
        assert_eq!(uses.take(&issuer, &id(MOST), at(20), at(10)), Ok(()));
    }
}
