//! Which changes of credentials log their user out (CAEP 1.0, section 3.3).
//!
//! | change | by default |
//! | --- | --- |
//! | `create`: one more credential | nothing: whoever is logged in got in by those that there were |
//! | `update`, `revoke`, `delete`: an old one is no longer good | logout: whoever got in by it must show the new one |
//!
//! That holds for every `credential_type`; a list of `type/change`, with `*` for all, says otherwise.

use std::str::FromStr;

/// The changes that there are.
const CHANGES: [&str; 4] = ["create", "revoke", "update", "delete"];

/// The changes that log out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialChanges(Vec<Pattern>);

/// Some changes of some types of credentials. None: all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    credential: Option<String>,
    change: Option<&'static str>,
}

/// A text is no such pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a type and a change, as \"password/update\" or \"*/revoke\"; the changes are create, revoke, update, delete"
)]
pub struct PatternError;

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (credential, change) = text.split_once('/').ok_or(PatternError)?;
        let change = match change {
            "*" => None,
            change => Some(known(change).ok_or(PatternError)?),
        };
        match credential {
            "" => Err(PatternError),
            "*" => Ok(Self { credential: None, change }),
            credential => Ok(Self { credential: Some(credential.to_owned()), change }),
        }
    }
}

impl Default for CredentialChanges {
    fn default() -> Self {
        let after = |change| Pattern { credential: None, change: Some(change) };
        Self(vec![after("update"), after("revoke"), after("delete")])
    }
}

impl CredentialChanges {
    /// These.
    #[must_use]
    pub const fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// Whether a change of a credential of this type logs out. None: there is no such change.
    #[must_use]
    pub fn log_out(&self, credential: &str, change: &str) -> Option<bool> {
        let change = known(change)?;
        let fits = |pattern: &Pattern| {
            pattern.credential.as_deref().is_none_or(|of| of == credential)
                && pattern.change.is_none_or(|of| of == change)
        };
        Some(self.0.iter().any(fits))
    }
}

fn known(change: &str) -> Option<&'static str> {
    CHANGES.into_iter().find(|known| *known == change)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(patterns: &[&str]) -> CredentialChanges {
        CredentialChanges::new(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect())
    }

    #[test]
    fn by_default_what_is_no_longer_good_logs_out_and_what_is_new_does_not() {
        for credential in ["password", "pin", "x509", "fido2-platform", "fido2-roaming", "app", "agreed-upon"] {
            for (change, expected) in [
                ("create", Some(false)),
                ("update", Some(true)),
                ("revoke", Some(true)),
                ("delete", Some(true)),
                ("lost", None),
            ] {
                assert_eq!(CredentialChanges::default().log_out(credential, change), expected, "{credential} {change}");
            }
        }
    }

    #[test]
    fn a_list_says_otherwise() {
        let some = changes(&["password/*", "*/revoke"]);
        for (credential, change, expected) in [
            ("password", "create", true),
            ("password", "update", true),
            ("app", "revoke", true),
            ("app", "update", false),
            ("Password", "update", false),
        ] {
            assert_eq!(some.log_out(credential, change), Some(expected), "{credential} {change}");
        }
        assert_eq!(changes(&[]).log_out("password", "update"), Some(false));
        for wrong in ["", "/", "password", "password/", "/update", "password/lost", "password/update/now", "*/Update"] {
            assert_eq!(wrong.parse::<Pattern>(), Err(PatternError), "{wrong}");
        }
    }
}
