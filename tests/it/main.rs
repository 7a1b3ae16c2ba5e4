//! The integration tests: the store's laws, the process under fire, the doors, keys and tokens from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "tests"
)]

mod support;
mod support_doors;

mod bench;
mod crash;
mod desk;
mod doors;
mod forged;
mod laws;
mod layering;
mod overload;
mod remote_keys;
mod small_files;
mod store_files;
mod store_overlap;
mod token_cache;
mod vectors;
