//! Where a token comes from: an argument, a file, or standard input.

use std::{
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use super::Failure;

/// More than any service takes; whoever pipes in more has the wrong file.
const MOST_BYTES: u64 = 2 << 20;

/// The token that is meant. `-`, or nothing at all where standard input is not a terminal, reads standard input. White
/// space around it and a leading `Bearer` are taken off.
pub(super) fn token(argument: Option<&str>, file: Option<&PathBuf>) -> Result<String, Failure> {
    let text = match (argument, file) {
        (Some("-"), _) => from_stdin()?,
        (Some(token), _) => token.to_owned(),
        (None, Some(path)) => from_file(path)?,
        (None, None) if io::stdin().is_terminal() => {
            return Err(Failure("no token: give it as an argument, with --file, or on standard input".to_owned()));
        }
        (None, None) => from_stdin()?,
    };
    let token = text.trim();
    Ok(token.strip_prefix("Bearer ").unwrap_or(token).trim_start().to_owned())
}

fn from_file(path: &Path) -> Result<String, Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    read(file, &path.display().to_string())
}

fn from_stdin() -> Result<String, Failure> {
    read(io::stdin(), "standard input")
}

fn read(from: impl Read, name: &str) -> Result<String, Failure> {
    let mut text = String::new();
    from.take(MOST_BYTES).read_to_string(&mut text).map_err(|error| Failure(format!("{name}: {error}")))?;
    Ok(text)
}
