//! From a string to a verdict: parse, verify, read the claims, decide.
//!
//! Everything here is a pure function of its arguments; keys come in through [`KeySource`], the present as an argument.
//! No store, no network, no clock. The order of the checks is the order of [`Refusal`]'s variants.

mod algorithm;
mod auth0;
mod claims;
mod compact;
mod decide;
mod json;
mod jwk;
mod keys;
mod logout_token;
mod mint;
mod pem;
mod refusal;
mod rules;
mod secret;
mod verify;

pub use algorithm::{Algorithm, Family};
pub use auth0::{
    LOG_CODES, LogAction, LogActions, LogBodyFault, LogCode, LogEntry, LogEntryFault, LogEventFault, LogLabel,
    LogLogout, MOST_LOG_ENTRIES, Whom, label_of_unfit, read_log_event, split_log_body,
};
pub use claims::{Claims, LastLogout, NumericDate};
pub use compact::{Compact, MAX_TOKEN_BYTES};
pub use decide::{Cutoffs, Standing, decide, fit, fit_but_for_expiry, standing};
pub use json::{JsonError, parse_object};
pub use jwk::{MAX_KEYS, key_set_from_jwks};
pub use keys::{Key, KeyError, KeySet, KeySource, KeysUnavailable, LEAST_RSA_BITS, hmac_key};
pub use logout_token::{LogoutToken, LogoutTokenFault, LogoutTokenRules};
pub use mint::{MintError, Minter, Signer, SignerError};
pub use pem::key_from_pem;
pub use refusal::{Ground, ImpossibleClaim, LoggedOut, Malformed, Refusal, Verdict, shown};
pub use rules::{ClaimAhead, ClaimFormat, LastLogoutClaim, Rules};
pub use secret::Secret;
pub use verify::{VerifiedToken, signed_by, verify};
