//! The configured issuers, found by their `iss` or by their name.

use std::{collections::HashMap, sync::Arc};

use super::{Elsewhere, ServiceError};
use crate::token::{KeySource, Rules, shown};

/// An issuer, its rules and its keys.
pub struct ConfiguredIssuer {
    /// Its short name, for URLs, metrics and logs.
    pub name: String,
    /// What its tokens must satisfy.
    pub rules: Rules,
    /// Where its keys come from.
    pub keys: Arc<dyn KeySource>,
    /// Whether a logout settles unless the request says otherwise.
    pub settle: bool,
    /// Whether a subject's logout ends the authentication, whatever its reason. None: by the reason.
    pub reauthenticate: Option<bool>,
    /// How its logouts come that no frontend reports.
    pub elsewhere: Elsewhere,
}

/// All configured issuers.
pub struct Issuers {
    all: Vec<Arc<ConfiguredIssuer>>,
    /// By `iss` and by name; the configuration makes sure that no two share either.
    by_name: HashMap<String, Arc<ConfiguredIssuer>>,
    by_iss: HashMap<String, Arc<ConfiguredIssuer>>,
}

impl Issuers {
    /// These issuers.
    #[must_use]
    pub fn new(all: Vec<ConfiguredIssuer>) -> Self {
        let all: Vec<_> = all.into_iter().map(Arc::new).collect();
        let by = |name: fn(&ConfiguredIssuer) -> &str| {
            all.iter().map(|issuer| (name(issuer).to_owned(), Arc::clone(issuer))).collect()
        };
        Self { by_name: by(|issuer| &issuer.name), by_iss: by(|issuer| issuer.rules.issuer.as_str()), all }
    }

    /// All of them, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[Arc<ConfiguredIssuer>] {
        &self.all
    }

    /// The issuer with exactly this `iss`.
    #[must_use]
    pub fn by_iss(&self, iss: &str) -> Option<&Arc<ConfiguredIssuer>> {
        self.by_iss.get(iss)
    }

    /// The issuer with this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<ConfiguredIssuer>> {
        self.by_name.get(name)
    }

    /// The issuer that a request means: by `iss`, by name, or, where there is only one, by nothing.
    ///
    /// # Errors
    /// [`ServiceError::UnknownIssuer`], naming those that there are.
    pub fn meant(&self, field: &'static str, text: &str) -> Result<&Arc<ConfiguredIssuer>, ServiceError> {
        if let ([only], "") = (self.all.as_slice(), text) {
            return Ok(only);
        }
        self.by_iss(text).or_else(|| self.by_name.get(text)).ok_or_else(|| ServiceError::UnknownIssuer {
            field,
            named: shown(text),
            configured: self.listed(),
        })
    }

    /// All of them for a human: `acme ("https://acme.example/")`.
    #[must_use]
    pub fn listed(&self) -> String {
        let each = |issuer: &Arc<ConfiguredIssuer>| format!("{} ({:?})", issuer.name, issuer.rules.issuer.as_str());
        self.all.iter().map(each).collect::<Vec<_>>().join(", ")
    }
}
