//! Reads the command line, does what it says, and ends with the exit code that says how it went.

use std::process::ExitCode;

use clap::Parser;
use curfew::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
