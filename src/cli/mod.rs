//! The command line: one subcommand a file.

mod bench;
mod check_config;
mod connect;
mod dead_letters;
mod demo;
mod input;
mod last_logout;
mod logout;
mod output;
mod serve;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Log out means logged out.
///
/// Curfew remembers when each user last logged out, and tells any backend whether the token in its hand was issued
/// before that. Try it: curfew demo
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Validate(validate::Validate),
    Logout(logout::Logout),
    LastLogout(last_logout::LastLogout),
    DeadLetters(dead_letters::DeadLetters),
    CheckConfig(check_config::CheckConfig),
    Bench(Box<bench::Bench>),
}

/// Why a command did not do what it was asked; a sentence that says what to do.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// What a command that did its work says by its exit code.
type Outcome = Result<ExitCode, Failure>;

/// The exit code for a token that is not honoured, or a run with unfit answers, so that a script can tell that from a
/// failure (2).
const REFUSED: u8 = 1;

impl Cli {
    /// Does what the command line says. Exit code 0: done; 1: the token is not honoured; 2: it failed.
    pub async fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Serve(serve) => serve.run().await,
            Command::Demo(demo) => demo.run().await,
            Command::Validate(validate) => validate.run().await,
            Command::Logout(logout) => logout.run().await,
            Command::LastLogout(last_logout) => last_logout.run().await,
            Command::DeadLetters(dead_letters) => dead_letters.run().await,
            Command::CheckConfig(check_config) => check_config.run(),
            Command::Bench(bench) => bench.run().await,
        };
        outcome.unwrap_or_else(|Failure(text)| {
            output::failure(&text);
            ExitCode::from(2)
        })
    }
}
