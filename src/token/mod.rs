//! From a string to a verdict: parse, verify, read the claims, decide.
//!
//! Everything here is a pure function of its arguments; keys come in through [`KeySource`], the present as an argument.
//! No store, no network, no clock. The order of the checks is the order of [`Refusal`]'s variants.

mod algorithm;
mod auth0;
mod claims;
mod compact;
mod credential_change;
mod decide;
mod event_meaning;
mod event_subject;
mod event_type;
mod json;
mod jwk;
mod keys;
mod logout_token;
mod mint;
mod pem;
mod refusal;
mod revocation_caller;
mod rules;
mod secret;
mod security_event;
mod subject_identifier;
mod verify;

pub use algorithm::{Algorithm, Family};
pub use auth0::{
    LOG_CODES, LogAction, LogActions, LogBodyFault, LogCode, LogEntry, LogEntryFault, LogEventFault, LogLabel,
    LogLogout, MOST_LOG_ENTRIES, Whom, label_of_unfit, read_log_event, split_log_body,
};
pub use claims::{Claims, LastLogout, NumericDate};
pub use compact::{Compact, MAX_TOKEN_BYTES};
pub use credential_change::{CredentialChanges, Pattern, PatternError};
pub use decide::{Cutoffs, Standing, decide, fit, fit_but_for_expiry, standing};
pub use event_meaning::{EventTime, Meaning};
pub use event_subject::{EventTarget, NameOf, NoTarget, SubjectRules};
pub use event_type::EventType;
pub use json::{JsonError, parse_object};
pub use jwk::{MAX_KEYS, key_set_from_jwks};
pub use keys::{Key, KeyError, KeySet, KeySource, KeysUnavailable, LEAST_RSA_BITS, hmac_key};
pub use logout_token::{LogoutToken, LogoutTokenFault, LogoutTokenRules};
pub use mint::{MintError, Minter, Signer, SignerError};
pub use pem::key_from_pem;
pub use refusal::{Ground, ImpossibleClaim, LoggedOut, Malformed, Refusal, Verdict, shown};
pub use revocation_caller::{CallerFault, CallerRules, RevocationCaller};
pub use rules::{ClaimAhead, ClaimFormat, LastLogoutClaim, Rules};
pub use secret::Secret;
pub use security_event::{SecurityEvent, SecurityEventFault, SecurityEventRules};
pub use subject_identifier::{Subject, SubjectFault, SubjectIdentifier};
pub use verify::{VerifiedToken, signed_by, verify};
