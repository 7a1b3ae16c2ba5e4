//! Auth0's tenant log: from what a log stream or the Management API hands over to the logouts that it tells of.
//!
//! A body is cut into entries (`body`), an entry is read strictly (`body` again), and what an event asks for is decided by
//! its code (`actions`) and by what it says (`event`; `management` for calls of the Management API). All of it is a pure
//! function of the bytes and the configuration. What an event lacks is never guessed.

mod actions;
mod body;
mod event;
mod management;

pub use actions::{LOG_CODES, LogAction, LogActions, LogCode};
pub use body::{LogBodyFault, LogEntry, LogEntryFault, MOST_LOG_ENTRIES, split_log_body};
pub use event::{LogEventFault, LogLabel, LogLogout, Whom, label_of_unfit, read_log_event};
