//! What Curfew asks others for: the keys of issuers, the log of an Auth0 tenant, and what transmitters of security events
//! have to tell.

mod auth0_logs;
mod auth0_token;
mod fetch;
mod remote_keys;
mod static_keys;
mod transmitter;

pub use auth0_logs::{Auth0Logs, LogPage, LogPosition, LogsError};
pub use fetch::{FetchError, Fetcher, check_url};
pub use remote_keys::{KeysEndpoint, KeysHealth, RefreshSettings, RemoteKeys};
pub use static_keys::StaticKeys;
pub use transmitter::{Page, Refused, Told, Transmitter};
