//! Subject identifiers (RFC 9493; OpenID Shared Signals Framework 1.0, section 3): whom or what an event is about.
//!
//! Here it is read what an identifier *says*; whether it names anything of ours, [`super::SubjectRules`] decides.

use serde_json::{Map, Value};

use super::refusal::shown;

/// The members that a complex subject may have by its own standard, beside others that were agreed upon.
const MOST_MEMBERS: usize = 32;

/// One way of naming something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectIdentifier {
    /// `iss_sub` (section 3.2.3): a subject of an issuer.
    IssSub(String, String),
    /// `opaque` (section 3.2.4): something that both sides know by this name.
    Opaque(String),
    /// `email` (section 3.2.2).
    Email(String),
    /// `jwt_id` (Shared Signals Framework 1.0, section 3.5.1): a token of an issuer, by its `jti`.
    JwtId(String, String),
    /// `aliases` (section 3.2.8): several names of one and the same. Never empty, never nested.
    Aliases(Vec<SubjectIdentifier>),
    /// Any other format, by its name: a telephone number, a decentralised identifier, something agreed upon.
    Other(String),
}

/// The subject of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Named in one way.
    Simple(SubjectIdentifier),
    /// What all these members describe together: `user`, `session`, `device`, `tenant`, … Never empty; no name twice.
    Complex(Vec<(String, SubjectIdentifier)>),
}

/// Why a text names no subject. Never holds what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectFault {
    /// Not a JSON object.
    #[error("{0} is not an object")]
    NotAnObject(&'static str),
    /// No `format`.
    #[error("{0} has no format")]
    NoFormat(&'static str),
    /// A member that its format asks for is missing or is not what it must be.
    #[error("a subject identifier of the format {0} must have {1}")]
    Member(&'static str, &'static str),
    /// Aliases among aliases, or a complex subject in another: neither may be.
    #[error("a subject identifier of the format {0} must not be inside another")]
    Nested(&'static str),
    /// A complex subject without a member, or with too many.
    #[error("a complex subject has {0} members; it must have 1 to {MOST_MEMBERS}")]
    Members(usize),
}

impl Subject {
    /// Reads the value of the member `name`. `legacy`: as senders wrote it before RFC 9493, too, with `subject_type` and
    /// hyphens; and a complex subject may lack its format.
    ///
    /// # Errors
    /// [`SubjectFault`].
    pub fn read(value: &Value, name: &'static str, legacy: bool) -> Result<Self, SubjectFault> {
        let Value::Object(object) = value else { return Err(SubjectFault::NotAnObject(name)) };
        match format(object, legacy) {
            Some("complex") => complex(object, legacy),
            None if legacy && !object.is_empty() && object.values().all(Value::is_object) => complex(object, legacy),
            _ => SubjectIdentifier::read(value, name, legacy).map(Self::Simple),
        }
    }
}

impl SubjectIdentifier {
    /// Reads the value of the member `name`, which names something in one way.
    ///
    /// # Errors
    /// [`SubjectFault`].
    pub fn read(value: &Value, name: &'static str, legacy: bool) -> Result<Self, SubjectFault> {
        let Value::Object(object) = value else { return Err(SubjectFault::NotAnObject(name)) };
        match format(object, legacy).ok_or(SubjectFault::NoFormat(name))? {
            "iss_sub" => Ok(Self::IssSub(member(object, "iss_sub", "iss")?, member(object, "iss_sub", "sub")?)),
            "iss-sub" if legacy => {
                Ok(Self::IssSub(member(object, "iss_sub", "iss")?, member(object, "iss_sub", "sub")?))
            }
            "opaque" => Ok(Self::Opaque(member(object, "opaque", "id")?)),
            "email" => Ok(Self::Email(member(object, "email", "email")?)),
            "jwt_id" => Ok(Self::JwtId(member(object, "jwt_id", "iss")?, member(object, "jwt_id", "jti")?)),
            "aliases" => aliases(object, legacy).map(Self::Aliases),
            "complex" => Err(SubjectFault::Nested("complex")),
            other => Ok(Self::Other(shown(other))),
        }
    }
}

/// What the identifier says that its format is.
fn format(object: &Map<String, Value>, legacy: bool) -> Option<&str> {
    let older = if legacy { object.get("subject_type") } else { None };
    object.get("format").or(older).and_then(Value::as_str)
}

/// A member that must be there, and not be empty (section 3).
fn member(object: &Map<String, Value>, format: &'static str, name: &'static str) -> Result<String, SubjectFault> {
    let text = object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or(SubjectFault::Member(format, name))
}

fn aliases(object: &Map<String, Value>, legacy: bool) -> Result<Vec<SubjectIdentifier>, SubjectFault> {
    let lacks = SubjectFault::Member("aliases", "identifiers, an array that is not empty");
    let Some(Value::Array(items)) = object.get("identifiers") else { return Err(lacks) };
    if items.is_empty() {
        return Err(lacks);
    }
    let each = |item| match SubjectIdentifier::read(item, "one of the identifiers", legacy)? {
        SubjectIdentifier::Aliases(_) => Err(SubjectFault::Nested("aliases")),
        identifier => Ok(identifier),
    };
    items.iter().map(each).collect()
}

fn complex(object: &Map<String, Value>, legacy: bool) -> Result<Subject, SubjectFault> {
    let members = object.iter().filter(|(name, _)| !(name.as_str() == "format" || legacy && *name == "subject_type"));
    let members: Vec<_> = members
        .map(|(name, value)| Ok((name.clone(), SubjectIdentifier::read(value, "a member of the subject", legacy)?)))
        .collect::<Result<_, _>>()?;
    match members.len() {
        1..=MOST_MEMBERS => Ok(Subject::Complex(members)),
        number => Err(SubjectFault::Members(number)),
    }
}

#[cfg(test)]
#[path = "subject_identifier_tests.rs"]
pub(in crate::token) mod tests;
