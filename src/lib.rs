//! Curfew: log out means logged out.
//!
//! A signed JWT stays good until it expires. Curfew remembers when each user last logged out, and tells any backend whether
//! the token in its hand was issued before that.
//!
//! The rooms of the house; data flows one way, down and back up:
//!
//! | room | what happens in it |
//! | --- | --- |
//! | [`cli`], [`app`] | the program, and the wiring: from a configuration to a running service and back |
//! | [`config`], [`telemetry`], [`shutdown`] | what is configured, what is logged, when to stop |
//! | [`transport`] | the doors: decode, call the service, encode, map the error |
//! | [`service`] | the use cases; the only room that sees both tokens and the store |
//! | [`token`] | from a string to a verdict. [`token::decide()`] is the heart: start reading there |
//! | [`store`] | remembers logouts; [`store::Store`] says what must hold |
//! | [`outbound`] | what Curfew asks others for: issuers' keys, transmitters' security events |
//! | [`domain`] | the shared vocabulary: issuer, subject, scope, cutoff, revision, time |

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod outbound;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod token;
pub mod transport;
