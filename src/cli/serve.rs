//! `curfew serve`: runs the service until it is told to stop.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::Args;

use super::{Failure, Outcome};
use crate::{
    app::{Addresses, App},
    config::Config,
    shutdown::StopSignals,
    telemetry,
};

/// Run the service.
///
/// Prints on standard output when it is ready: "curfew: serving gRPC on ADDRESS:PORT", and the same of HTTP where
/// [http] listen is set. Logs go to standard error. SIGTERM and SIGINT stop it in good order: NOT_SERVING, drain, finish
/// what is in flight, exit 0.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration; curfew.example.toml explains every key.
    #[arg(long, env = "CURFEW_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen where others can reach it, although callers are not authenticated. The same as insecure = true in [grpc].
    #[arg(long)]
    insecure: bool,
}

impl Serve {
    pub(super) async fn run(self) -> Outcome {
        let config = Config::load(self.config.as_deref(), environment(self.insecure))?;
        telemetry::start(&config.log);
        let mut signals = StopSignals::listen()?;
        let app = App::build(config).await?;
        let announce = |addresses: Addresses| {
            let mut lines = format!("curfew: serving gRPC on {}\n", addresses.grpc);
            if let Some(address) = addresses.http {
                lines += &format!("curfew: serving HTTP on {address}\n");
            }
            // Nobody may be reading, which is no reason to stop.
            let mut out = std::io::stdout().lock();
            out.write_all(lines.as_bytes()).and_then(|()| out.flush()).unwrap_or_default();
        };
        app.run(announce, signals.next()).await.map_err(|error| Failure(format!("serving failed: {error}")))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The variables of the environment, and what the command line says in their place.
pub(super) fn environment(insecure: bool) -> impl Iterator<Item = (String, String)> {
    // A variable that is not UTF-8 is none of ours.
    let set =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    set.chain(insecure.then(|| ("CURFEW_GRPC__INSECURE".to_owned(), "true".to_owned())))
}
