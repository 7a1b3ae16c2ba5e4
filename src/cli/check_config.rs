//! `curfew check-config`: says everything that is wrong with a configuration, without starting anything.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    Outcome,
    output::{BAD, GOOD, failure, say},
    serve::environment,
};
use crate::{
    app::check_keys,
    config::{Config, ConfigError, Fault},
};

/// Check a configuration, and report every fault at once.
///
/// Reads the file and the CURFEW_… variables just as serve does, and every key file that they name. Fetches nothing.
#[derive(Debug, Args)]
pub(super) struct CheckConfig {
    /// The configuration; curfew.example.toml explains every key.
    #[arg(long, env = "CURFEW_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Do not read the key files: the configuration is for another machine.
    #[arg(long)]
    without_keys: bool,
    /// Answer in JSON, for programs.
    #[arg(long)]
    json: bool,
}

impl CheckConfig {
    pub(super) fn run(self) -> Outcome {
        let (issuers, faults) = match Config::load(self.config.as_deref(), environment(false)) {
            Ok(config) if self.without_keys => (config.issuers.len(), Vec::new()),
            Ok(config) => (config.issuers.len(), check_keys(&config)),
            Err(ConfigError::Faults(faults)) => (0, faults),
            Err(unreadable) => (0, vec![Fault { key: "file".to_owned(), text: unreadable.to_string() }]),
        };
        if self.json {
            let faults: Vec<_> =
                faults.iter().map(|fault| serde_json::json!({"key": fault.key, "text": fault.text})).collect();
            say!("{}", serde_json::json!({"ok": faults.is_empty(), "faults": faults}));
        } else if faults.is_empty() {
            let s = if issuers == 1 { "" } else { "s" };
            say!("{GOOD}good{GOOD:#}  {issuers} issuer{s} configured");
        } else {
            let s = if faults.len() == 1 { "" } else { "s" };
            failure(&format!("the configuration has {} fault{s}", faults.len()));
            for fault in &faults {
                say!("  {BAD}{}{BAD:#}  {}", fault.key, fault.text);
            }
        }
        Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }
}
