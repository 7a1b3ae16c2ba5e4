//! What Curfew asks others for: the keys of issuers, and what their transmitters of security events have to tell.

mod fetch;
mod remote_keys;
mod static_keys;
mod transmitter;

pub use fetch::{FetchError, Fetcher, check_url};
pub use remote_keys::{KeysEndpoint, KeysHealth, RefreshSettings, RemoteKeys};
pub use static_keys::StaticKeys;
pub use transmitter::{Page, Refused, Told, Transmitter};
