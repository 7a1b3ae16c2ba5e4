//! How scopes and records are written to disk.
//!
//! A scope becomes a key: a letter for its kind, the issuer, then its names, each with its length before it, so that no
//! two scopes share a key whatever bytes their names have. A subject's key is the beginning of its keys at each client.
//!
//! A record becomes the format's number and a Protocol Buffers message. A reader refuses a number that it does not know.

use prost::Message;

use crate::domain::{
    ClientId, Cutoff, Issuer, KeyId, LogoutReason, Mark, Record, Revision, Scope, SessionId, SubjectId, Timestamp,
    TokenId,
};

/// The format that is written, and the newest that is read.
pub const FORMAT: u8 = 1;

/// Why bytes from the disk are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer Curfew: its format.
    #[error("a record is of format {0}, which only a newer Curfew can read")]
    Newer(u8),
    /// Damaged.
    #[error("a record is damaged")]
    Damaged,
}

/// The key of a scope.
#[must_use]
pub fn encode_scope(scope: &Scope) -> Vec<u8> {
    let mut key = Vec::new();
    encode_scope_into(scope, &mut key);
    key
}

/// The same, added to what is there.
pub(super) fn encode_scope_into(scope: &Scope, key: &mut Vec<u8>) {
    let (kind, names): (u8, [&str; 2]) = match scope {
        Scope::Issuer(_) => (b'i', ["", ""]),
        Scope::Key(_, key) => (b'k', [key.as_str(), ""]),
        Scope::Client(_, client) => (b'c', [client.as_str(), ""]),
        Scope::Subject(_, subject) => (b's', [subject.as_str(), ""]),
        Scope::SubjectAtClient(_, subject, client) => (b's', [subject.as_str(), client.as_str()]),
        Scope::Session(_, session) => (b'e', [session.as_str(), ""]),
        Scope::Token(_, token) => (b't', [token.as_str(), ""]),
    };
    key.push(kind);
    for name in std::iter::once(scope.issuer().as_str()).chain(names).filter(|name| !name.is_empty()) {
        // An identifier has at most 512 bytes.
        key.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
        key.extend_from_slice(name.as_bytes());
    }
}

/// A key that no scope has: it stands for a subject, by its key, at all clients together.
pub(super) fn at_any_client(subject: &[u8]) -> Vec<u8> {
    let mut key = subject.to_vec();
    if let Some(kind) = key.first_mut() {
        *kind = b'S';
    }
    key
}

/// The scope of a key.
///
/// # Errors
/// [`DecodeError::Damaged`] when it is none.
pub fn decode_scope(key: &[u8]) -> Result<Scope, DecodeError> {
    let (kind, mut rest) = key.split_first().ok_or(DecodeError::Damaged)?;
    let issuer = parsed(take(&mut rest)?, Issuer::parse)?;
    if *kind == b'i' && rest.is_empty() {
        return Ok(Scope::Issuer(issuer));
    }
    let name = take(&mut rest)?;
    let scope = match kind {
        b'k' => Scope::Key(issuer, parsed(name, KeyId::parse)?),
        b'c' => Scope::Client(issuer, parsed(name, ClientId::parse)?),
        b's' if !rest.is_empty() => {
            Scope::SubjectAtClient(issuer, parsed(name, SubjectId::parse)?, parsed(take(&mut rest)?, ClientId::parse)?)
        }
        b's' => Scope::Subject(issuer, parsed(name, SubjectId::parse)?),
        b'e' => Scope::Session(issuer, parsed(name, SessionId::parse)?),
        b't' => Scope::Token(issuer, parsed(name, TokenId::parse)?),
        _ => return Err(DecodeError::Damaged),
    };
    if rest.is_empty() { Ok(scope) } else { Err(DecodeError::Damaged) }
}

/// Takes one name and its length off the front.
fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a str, DecodeError> {
    let (length, after) = rest.split_first_chunk::<2>().ok_or(DecodeError::Damaged)?;
    let (name, after) = after.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(DecodeError::Damaged)?;
    *rest = after;
    str::from_utf8(name).map_err(|_| DecodeError::Damaged)
}

fn parsed<T, E>(name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, DecodeError> {
    parse(name).map_err(|_| DecodeError::Damaged)
}

/// A record, format 1.
#[derive(Clone, PartialEq, Eq, Message)]
struct StoredRecord {
    #[prost(uint64, tag = "1")]
    revision: u64,
    #[prost(message, optional, tag = "2")]
    live: Option<StoredMark>,
    #[prost(message, optional, tag = "3")]
    late: Option<StoredMark>,
    #[prost(message, optional, tag = "4")]
    authentication: Option<StoredMark>,
}

/// A mark, format 1. What it was learned of is kept as a difference, which is small and takes a byte or two.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct StoredMark {
    #[prost(int64, tag = "1")]
    logout_millis: i64,
    #[prost(sint64, tag = "2")]
    learned_after_millis: i64,
    #[prost(uint32, tag = "3")]
    reason: u32,
}

/// A record's bytes.
#[must_use]
pub fn encode_record(record: &Record) -> Vec<u8> {
    let stored = StoredRecord {
        revision: record.revision.0,
        live: record.cutoff.live.map(stored_mark),
        late: record.cutoff.late.map(stored_mark),
        authentication: record.cutoff.authentication.map(stored_mark),
    };
    let mut bytes = vec![FORMAT];
    bytes.extend_from_slice(&stored.encode_to_vec());
    bytes
}

/// The record in these bytes.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_record(bytes: &[u8]) -> Result<Record, DecodeError> {
    let (format, message) = bytes.split_first().ok_or(DecodeError::Damaged)?;
    match *format {
        FORMAT => (),
        newer if newer > FORMAT => return Err(DecodeError::Newer(newer)),
        _ => return Err(DecodeError::Damaged),
    }
    let stored = StoredRecord::decode(message).map_err(|_| DecodeError::Damaged)?;
    let cutoff = Cutoff {
        live: stored.live.map(mark).transpose()?,
        late: stored.late.map(mark).transpose()?,
        authentication: stored.authentication.map(mark).transpose()?,
    };
    Ok(Record { cutoff, revision: Revision(stored.revision) })
}

fn stored_mark(mark: Mark) -> StoredMark {
    StoredMark {
        logout_millis: mark.logout_time.as_millis(),
        learned_after_millis: mark.record_time.as_millis() - mark.logout_time.as_millis(),
        reason: reason_number(mark.reason),
    }
}

fn mark(stored: StoredMark) -> Result<Mark, DecodeError> {
    let instant =
        |millis: Option<i64>| millis.and_then(|millis| Timestamp::from_millis(millis).ok()).ok_or(DecodeError::Damaged);
    Ok(Mark {
        logout_time: instant(Some(stored.logout_millis))?,
        record_time: instant(stored.logout_millis.checked_add(stored.learned_after_millis))?,
        reason: LogoutReason::ALL
            .into_iter()
            .find(|reason| reason_number(*reason) == stored.reason)
            .ok_or(DecodeError::Damaged)?,
    })
}

/// The number of a reason on disk. Never changed, never used again.
const fn reason_number(reason: LogoutReason) -> u32 {
    match reason {
        LogoutReason::Unspecified => 0,
        LogoutReason::UserLogout => 1,
        LogoutReason::ProviderLogout => 2,
        LogoutReason::Administrator => 3,
        LogoutReason::CredentialChange => 4,
        LogoutReason::Compromise => 5,
        LogoutReason::AccountDisabled => 6,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = String> {
        // Few letters and length bytes among them, so that confusion would show.
        prop_oneof!["[ab\u{0}\u{1}]{1,4}", ".{1,40}", Just("x".repeat(512))]
            .prop_filter("identifiers have a length", |name| (1..=512).contains(&name.len()))
    }

    fn scope() -> impl Strategy<Value = Scope> {
        (0..7, name(), name(), name()).prop_map(|(kind, issuer, a, b)| {
            let issuer = Issuer::parse(&issuer).unwrap();
            match kind {
                0 => Scope::Issuer(issuer),
                1 => Scope::Key(issuer, KeyId::parse(&a).unwrap()),
                2 => Scope::Client(issuer, ClientId::parse(&a).unwrap()),
                3 => Scope::Subject(issuer, SubjectId::parse(&a).unwrap()),
                4 => Scope::SubjectAtClient(issuer, SubjectId::parse(&a).unwrap(), ClientId::parse(&b).unwrap()),
                5 => Scope::Session(issuer, SessionId::parse(&a).unwrap()),
                _ => Scope::Token(issuer, TokenId::parse(&a).unwrap()),
            }
        })
    }

    fn record() -> impl Strategy<Value = Record> {
        let instant = 0..=Timestamp::MAX.as_millis();
        let mark = (instant.clone(), instant, 0..LogoutReason::ALL.len()).prop_map(|(at, seen, reason)| Mark {
            logout_time: Timestamp::from_millis(at).unwrap(),
            record_time: Timestamp::from_millis(seen).unwrap(),
            reason: LogoutReason::ALL[reason],
        });
        let part = proptest::option::of(mark);
        (any::<u64>(), part.clone(), part.clone(), part).prop_map(|(revision, live, late, authentication)| Record {
            cutoff: Cutoff { live, late, authentication },
            revision: Revision(revision),
        })
    }

    proptest! {
        #[test]
        fn a_scope_goes_there_and_back(scope in scope()) {
            prop_assert_eq!(decode_scope(&encode_scope(&scope)), Ok(scope));
        }

        #[test]
        fn two_scopes_never_share_a_key(a in scope(), b in scope()) {
            prop_assert_eq!(encode_scope(&a) == encode_scope(&b), a == b);
        }

        #[test]
        fn a_record_goes_there_and_back(record in record()) {
            prop_assert_eq!(decode_record(&encode_record(&record)), Ok(record));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            drop((decode_scope(&bytes), decode_record(&bytes)));
            prop_assert!(decode_record(&[&[FORMAT], bytes.as_slice()].concat()) != Err(DecodeError::Newer(FORMAT)));
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        assert_eq!(decode_record(&[FORMAT + 1, 9, 9]), Err(DecodeError::Newer(FORMAT + 1)));
        assert_eq!(decode_record(&[0]), Err(DecodeError::Damaged));
        assert_eq!(decode_record(&[]), Err(DecodeError::Damaged));
    }
}
