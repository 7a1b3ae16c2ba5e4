//! Reads the command line, does what it says, and ends with the exit code that says how it went.

use std::process::ExitCode;

use clap::Parser;
use curfew::cli::Cli;
use mimalloc::MiMalloc;

/// A tenth faster a call than the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
