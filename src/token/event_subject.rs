//! Whom an event logs out: from what its subject says to what is to end, and never to more than that.
//!
//! | the subject | what ends |
//! | --- | --- |
//! | `iss_sub` of this issuer | all of that subject |
//! | `jwt_id` of this issuer | that token |
//! | `opaque`, `email` | what the configuration says that they name; by default nothing, for it would be a guess |
//! | `aliases` | what those that can be told name, if they all name the same |
//! | complex: `user`, perhaps `tenant` | all of that subject, if the tenant is one of the configured |
//! | complex: `session`, perhaps with `user`, `tenant`, `device`, `group`, `org_unit` | that session: these say whose it is, and where |
//! | complex with anything else | nothing, unless `widen` says to leave it out |
//!
//! Every member of a complex subject narrows it (Shared Signals Framework 1.0, section 3.3.1): to leave one out that cannot
//! be told from the tokens would log out more than was said. What ends nothing says why, for a person to read.

use super::{
    refusal::shown,
    subject_identifier::{Subject, SubjectIdentifier},
};
use crate::domain::{Issuer, SessionId, SubjectId, TokenId};

/// Members that say whose a session is and where; a session is in no two of each.
const OF_A_SESSION: [&str; 6] = ["user", "session", "tenant", "device", "group", "org_unit"];

/// What a name that both sides agreed upon stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameOf {
    /// A subject: `sub` of the issuer's tokens.
    Subject,
    /// A session: what the issuer's session claim says.
    Session,
}

/// What the subjects of an issuer's events mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRules {
    /// The `iss` of subjects and tokens that are the issuer's. Never empty.
    pub issuers: Vec<Issuer>,
    /// What an `opaque` identifier names. None: it is not known.
    pub opaque: Option<NameOf>,
    /// Whether an e-mail address is the `sub` of the issuer's tokens.
    pub email_is_subject: bool,
    /// The tenants of which the issuer's users are.
    pub tenants: Vec<String>,
    /// The members of complex subjects without which an event must not be taken (Shared Signals Framework 1.0, section 3.6).
    pub critical: Vec<String>,
    /// Whether members that cannot be told are left out, so that more is logged out than was said.
    pub widen: bool,
    /// Whether the issuer's tokens carry their session.
    pub has_sessions: bool,
}

/// What is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventTarget {
    /// All of a subject.
    Subject(SubjectId),
    /// A session, and whose it is where that is known.
    Session(SessionId, Option<SubjectId>),
    /// A token.
    Token(TokenId),
}

/// Why an event ends nothing. Texts are clauses to follow "the subject".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// It is somebody else's.
    #[error("{0}")]
    Foreign(String),
    /// It cannot be told what it names.
    #[error("{0}")]
    Unclear(String),
    /// It has a critical member that cannot be told: the event must not be taken.
    #[error("has the critical member {0}, which cannot be told")]
    Critical(String),
}

impl SubjectRules {
    /// What an event with this subject ends.
    ///
    /// # Errors
    /// [`NoTarget`]: nothing.
    pub fn target(&self, subject: &Subject) -> Result<EventTarget, NoTarget> {
        match subject {
            Subject::Simple(identifier) => self.named(identifier),
            Subject::Complex(members) => Described::read(self, members)?.target(self),
        }
    }

    /// What one identifier names.
    ///
    /// # Errors
    /// [`NoTarget`]: nothing of ours.
    pub fn named(&self, identifier: &SubjectIdentifier) -> Result<EventTarget, NoTarget> {
        match identifier {
            SubjectIdentifier::IssSub(issuer, subject) => {
                self.check_issuer(issuer)?;
                Ok(EventTarget::Subject(parsed(subject, SubjectId::parse)?))
            }
            SubjectIdentifier::JwtId(issuer, token) => {
                self.check_issuer(issuer)?;
                Ok(EventTarget::Token(parsed(token, TokenId::parse)?))
            }
            SubjectIdentifier::Opaque(id) => match self.opaque {
                Some(NameOf::Subject) => Ok(EventTarget::Subject(parsed(id, SubjectId::parse)?)),
                Some(NameOf::Session) => self.session(id),
                None => Err(unclear("is opaque; opaque = \"subject\" or \"session\" would say what it names")),
            },
            SubjectIdentifier::Email(email) if self.email_is_subject => {
                Ok(EventTarget::Subject(parsed(email, SubjectId::parse)?))
            }
            SubjectIdentifier::Email(_) => {
                Err(unclear("is an e-mail address; email = \"subject\" would say that it is the sub of the tokens"))
            }
            SubjectIdentifier::Aliases(all) => self.agreed(all),
            SubjectIdentifier::Other(format) => {
                Err(unclear(format!("is of the format {format}, which names no token")))
            }
        }
    }

    fn check_issuer(&self, named: &str) -> Result<(), NoTarget> {
        if self.issuers.iter().any(|issuer| issuer.as_str() == named) {
            return Ok(());
        }
        Err(NoTarget::Foreign(format!("is of the issuer {}, which is not this one", shown(named))))
    }

    fn session(&self, id: &str) -> Result<EventTarget, NoTarget> {
        if !self.has_sessions {
            return Err(unclear("is a session, which the issuer's tokens do not carry; set session_claim if they do"));
        }
        Ok(EventTarget::Session(parsed(id, SessionId::parse)?, None))
    }

    /// What several names of one thing name: what those that can be told agree upon.
    fn agreed(&self, all: &[SubjectIdentifier]) -> Result<EventTarget, NoTarget> {
        let mut named = all.iter().filter_map(|identifier| self.named(identifier).ok());
        let Some(first) = named.next() else { return Err(unclear("has several names, of which none can be told")) };
        if named.all(|other| other == first) {
            return Ok(first);
        }
        Err(unclear("has several names, which name different things"))
    }
}

/// What a complex subject comes to.
struct Described<'a> {
    /// `user`, if there is one.
    user: Option<Result<SubjectId, NoTarget>>,
    /// `session`, if there is one that can be told and enforced.
    session: Option<SessionId>,
    /// The members that narrow it, and cannot be told.
    untold: Vec<&'a str>,
}

impl<'a> Described<'a> {
    fn read(rules: &SubjectRules, members: &'a [(String, SubjectIdentifier)]) -> Result<Self, NoTarget> {
        let (mut user, mut session, mut told) = (None, None, Vec::new());
        for (name, identifier) in members {
            let is_told = match name.as_str() {
                "user" => user.insert(user_of(rules, identifier)).is_ok(),
                "session" => session.insert(session_of(rules, identifier)).is_some(),
                "tenant" => is_ours(rules, identifier)?,
                _ => false,
            };
            if is_told {
                told.push(name.as_str());
            } else if rules.critical.contains(name) {
                return Err(NoTarget::Critical(shown(name)));
            }
        }
        let session = session.flatten();
        let described = |name: &str| session.is_some() && OF_A_SESSION.contains(&name);
        let untold = members.iter().map(|(name, _)| name.as_str());
        let untold = untold.filter(|name| !told.contains(name) && *name != "user" && !described(name)).collect();
        Ok(Self { user, session, untold })
    }

    fn target(self, rules: &SubjectRules) -> Result<EventTarget, NoTarget> {
        if let Some(Err(foreign @ NoTarget::Foreign(_))) = self.user {
            return Err(foreign);
        }
        if !self.untold.is_empty() && !rules.widen {
            return Err(unclear(format!(
                "also names {}, which the tokens do not tell; widen = true would log the user out of everything",
                self.untold.iter().take(5).map(|name| shown(name)).collect::<Vec<_>>().join(", ")
            )));
        }
        match (self.session, self.user) {
            (Some(session), user) => Ok(EventTarget::Session(session, user.and_then(Result::ok))),
            (None, Some(user)) => user.map(EventTarget::Subject),
            (None, None) => Err(unclear("names neither a user nor a session that can be told")),
        }
    }
}

/// The user that a member names.
fn user_of(rules: &SubjectRules, identifier: &SubjectIdentifier) -> Result<SubjectId, NoTarget> {
    match rules.named(identifier)? {
        EventTarget::Subject(subject) => Ok(subject),
        EventTarget::Session(..) | EventTarget::Token(_) => Err(unclear("has a user that is not named as one")),
    }
}

/// The session that a member names, where tokens carry it. Its name is opaque by nature.
fn session_of(rules: &SubjectRules, identifier: &SubjectIdentifier) -> Option<SessionId> {
    match identifier {
        SubjectIdentifier::Opaque(id) if rules.has_sessions => SessionId::parse(id).ok(),
        _ => None,
    }
}

/// Whether a tenant is the issuer's. False: that cannot be told.
fn is_ours(rules: &SubjectRules, identifier: &SubjectIdentifier) -> Result<bool, NoTarget> {
    match identifier {
        SubjectIdentifier::Opaque(_) if rules.tenants.is_empty() => Ok(false),
        SubjectIdentifier::Opaque(id) if rules.tenants.contains(id) => Ok(true),
        SubjectIdentifier::Opaque(id) => {
            Err(NoTarget::Foreign(format!("is of the tenant {}, which is not among tenants", shown(id))))
        }
        _ => Ok(false),
    }
}

fn parsed<T, E: ToString>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, NoTarget> {
    parse(text).map_err(|error| unclear(format!("{} {}", shown(text), error.to_string())))
}

fn unclear(why: impl Into<String>) -> NoTarget {
    NoTarget::Unclear(why.into())
}

#[cfg(test)]
#[path = "event_subject_tests.rs"]
mod tests;
