//! What Curfew asks others for: the keys of issuers.

mod fetch;
mod remote_keys;
mod static_keys;

pub use fetch::{FetchError, Fetcher, check_url};
pub use remote_keys::{KeysEndpoint, KeysHealth, RefreshSettings, RemoteKeys};
pub use static_keys::StaticKeys;
