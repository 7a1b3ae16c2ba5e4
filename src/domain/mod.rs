//! The shared vocabulary: issuer, subject, scope, cutoff, revision, time.
//!
//! Nothing in this room does input or output, reads a clock or names another room.

mod cutoff;
mod identity;
mod logout;
mod reason;
mod scope;
mod source;
mod time;

pub use cutoff::{Cutoff, Instants, Kind, Mark};
pub use identity::{ClientId, IdentifierError, Issuer, KeyId, MAX_IDENTIFIER_BYTES, SessionId, SubjectId, TokenId};
pub use logout::{NewLogout, Record, Recorded, Revision, When};
pub use reason::LogoutReason;
pub use scope::{Scope, ScopeKind};
pub use source::Source;
pub use time::{Clock, TimeError, Timestamp};
