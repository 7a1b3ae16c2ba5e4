//! Secrets from files.

use std::{fs::File, io::Read, path::Path};

use crate::token::Secret;

/// The longest secret.
const MOST_BYTES: u64 = 4096;

/// The shortest: what is shorter can be guessed.
const LEAST_BYTES: usize = 16;

/// The secret in a file, without the line's end.
pub(super) fn read(path: &Path) -> Result<Secret, String> {
    let fault = |text: String| format!("{}: {text}", path.display());
    let mut text = String::new();
    let file = File::open(path).map_err(|error| fault(error.to_string()))?;
    let length = file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(|error| fault(error.to_string()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if length as u64 > MOST_BYTES || secret.len() < LEAST_BYTES {
        return Err(fault(format!("a secret has {LEAST_BYTES} to {MOST_BYTES} bytes")));
    }
    if !secret.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(fault("a secret has printable ASCII characters only, on one line".to_owned()));
    }
    if secret.trim_matches(' ') != secret {
        return Err(fault("a secret neither begins nor ends with a space: no header could carry it".to_owned()));
    }
    Ok(Secret::new(secret))
}
