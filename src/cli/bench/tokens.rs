//! The tokens of a run: read from a file, or signed before it.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Read},
    path::Path,
    time::{Duration, Instant},
};

use anstream::eprint;
use serde_json::{Map, Value, json};

use super::{options::Tokens, plan::Plan};
use crate::{
    app::SystemClock,
    cli::{Failure, output::DIM},
    domain::Clock,
    token::{Compact, MAX_TOKEN_BYTES, Signer},
};

/// The most tokens that are read or signed.
const MOST_TOKENS: usize = 1_000_000;

/// The largest key file.
const MOST_KEY_BYTES: u64 = 1 << 20;

/// A token, and whose it is if that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) subject: Option<String>,
}

/// The tokens that a run sends again and again, and those that it sends once.
pub(super) fn gather(options: &Tokens, plan: &Plan) -> Result<(Vec<Token>, Vec<Token>), Failure> {
    let (need_known, need_fresh) = (plan.shares.need_known(), plan.shares.fresh > 0.0);
    let mint = options.key.as_deref().map(|key| Mint::of(options, key)).transpose()?;
    let known = match (&options.tokens, &mint) {
        _ if !need_known => Vec::new(),
        (Some(file), _) => from_file(file)?,
        (None, Some(mint)) => mint.many(0, number("--known", options.known)?)?,
        (None, None) => {
            return Err(Failure(
                "which tokens? Give --tokens FILE, or --key FILE, --algorithm, --iss and --aud to sign some; only \
                 --logouts and --last-logouts do without"
                    .to_owned(),
            ));
        }
    };
    let fresh = match &mint {
        _ if !need_fresh => Vec::new(),
        Some(mint) => mint.many(known.len(), number("--fresh-tokens", options.fresh_tokens)?)?,
        None => return Err(Failure("--fresh needs new tokens: give --key, --algorithm, --iss and --aud".to_owned())),
    };
    Ok((known, fresh))
}

fn number(name: &str, number: usize) -> Result<usize, Failure> {
    if (1..=MOST_TOKENS).contains(&number) {
        return Ok(number);
    }
    Err(Failure(format!("{name} {number}: it must be from 1 to {MOST_TOKENS}")))
}

fn from_file(path: &Path) -> Result<Vec<Token>, Failure> {
    let file = File::open(path).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    read(BufReader::new(file), &path.display().to_string())
}

/// Reads one token a line. Empty lines are passed over, and so is a leading `Bearer`.
fn read(mut from: impl BufRead, name: &str) -> Result<Vec<Token>, Failure> {
    // A token, "Bearer " and the end of the line.
    let most = MAX_TOKEN_BYTES + 16;
    let mut tokens = Vec::new();
    for number in 1_usize.. {
        let fault = |what: &str| Failure(format!("{name}, line {number}: {what}"));
        let mut line = Vec::new();
        let read = from.by_ref().take(most as u64).read_until(b'\n', &mut line);
        if read.map_err(|error| fault(&error.to_string()))? == 0 {
            break;
        }
        let text = str::from_utf8(&line).map_err(|_| fault("is not text"))?.trim();
        let text = text.strip_prefix("Bearer ").unwrap_or(text).trim_start();
        if text.len() > MAX_TOKEN_BYTES || line.len() == most {
            return Err(fault(&format!("is longer than a token may be, {MAX_TOKEN_BYTES} bytes")));
        }
        if text.contains(char::is_whitespace) {
            return Err(fault("holds more than one word; there must be one token a line"));
        }
        if tokens.len() == MOST_TOKENS {
            return Err(fault(&format!("is one too many; at most {MOST_TOKENS} tokens are read")));
        }
        if !text.is_empty() {
            tokens.push(Token { subject: subject(text), text: text.to_owned() });
        }
    }
    if tokens.is_empty() {
        return Err(Failure(format!("{name}: there is no token in it")));
    }
    Ok(tokens)
}

/// The subject that a token names, whatever it is worth.
fn subject(token: &str) -> Option<String> {
    Some(Compact::parse(token).ok()?.payload.get("sub")?.as_str()?.to_owned())
}

/// Signs tokens of the size and form that Keycloak gives them.
struct Mint {
    signer: Signer,
    claims: Map<String, Value>,
    more: Map<String, Value>,
}

impl Mint {
    fn of(options: &Tokens, key: &Path) -> Result<Self, Failure> {
        let name = options.algorithm.as_deref().unwrap_or_default();
        let algorithm = name.parse().map_err(|error| Failure(format!("--algorithm: {name:?} {error}")))?;
        let fault = |error: &dyn std::fmt::Display| Failure(format!("{}: {error}", key.display()));
        let mut bytes = Vec::new();
        let file = File::open(key).map_err(|error| fault(&error))?;
        file.take(MOST_KEY_BYTES).read_to_end(&mut bytes).map_err(|error| fault(&error))?;
        let signer = Signer::from_pem(algorithm, &bytes, options.kid.as_deref())
            .map_err(|error| fault(&format!("it {error}")))?;
        let more = match options.claims.as_deref().map(serde_json::from_str).transpose() {
            Ok(None) => Map::new(),
            Ok(Some(Value::Object(claims))) => claims,
            Ok(Some(_)) => return Err(Failure("--claims must be a JSON object, such as {\"sid\": \"s1\"}".to_owned())),
            Err(error) => return Err(Failure(format!("--claims is no JSON: {error}"))),
        };
        let audience = match options.aud.as_slice() {
            [] => None,
            [one] => Some(json!(one)),
            several => Some(json!(several)),
        };
        let mut claims = Map::new();
        for (name, value) in [("iss", options.iss.as_ref().map(|iss| json!(iss))), ("aud", audience)] {
            match value {
                Some(value) => drop(claims.insert(name.to_owned(), value)),
                None if more.contains_key(name) => (),
                None => return Err(Failure(format!("--key needs --{name}: no service takes a token without"))),
            }
        }
        Ok(Self { signer, claims, more })
    }

    /// So many tokens, the first of them of the subject with this number.
    fn many(&self, first: usize, count: usize) -> Result<Vec<Token>, Failure> {
        let (terminal, mut said) = (std::io::stderr().is_terminal(), Instant::now());
        let mut tokens = Vec::with_capacity(count);
        for number in first..first.saturating_add(count) {
            tokens.push(self.one(number)?);
            if terminal && said.elapsed() > Duration::from_millis(200) {
                eprint!("\r{DIM}signing tokens: {} of {count}{DIM:#}  ", tokens.len());
                said = Instant::now();
            }
        }
        if terminal {
            eprint!("\r\x1b[K");
        }
        Ok(tokens)
    }

    fn one(&self, number: usize) -> Result<Token, Failure> {
        let now = SystemClock.now().as_millis() / 1000;
        let mut claims = self.claims.clone();
        let id = format!("{number:012x}");
        let usual = json!({
            "exp": now + 3600, "iat": now, "auth_time": now, "jti": format!("onrtac:b5c7c2f0-3a61-4c0e-9d52-{id}"),
            "sub": format!("curfew-bench-{number}"), "typ": "Bearer", "azp": "curfew-bench",
            "sid": format!("5f3c1f0e-6b1e-4a2c-9b1e-{id}"), "acr": "1",
            "allowed-origins": ["https://app.example"],
            "realm_access": {"roles": ["offline_access", "uma_authorization"]},
            "scope": "openid profile email", "email_verified": true, "preferred_username": format!("user{number}"),
        });
        if let Value::Object(usual) = usual {
            claims.extend(usual);
        }
        claims.extend(self.more.clone());
        let claims = Value::Object(claims);
        let subject = claims.get("sub").and_then(Value::as_str).map(str::to_owned);
        Ok(Token { text: self.signer.sign(&claims)?, subject })
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
