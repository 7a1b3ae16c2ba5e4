//! `curfew bench`: makes load on a running service, checks every answer, and says how fast they came.
//!
//! Everything is ready before the run ([`tokens`], [`requests`]); during it a call costs little more than what HTTP/2 does
//! ([`wire`]), so that a machine can be kept busy by less than another of its kind.

mod answer;
mod brief;
mod engine;
mod lane;
mod live;
mod options;
mod plan;
mod report;
mod requests;
mod stream;
mod tally;
mod tokens;
mod wire;

use std::{process::ExitCode, sync::Arc};

use clap::Args;
use http::Uri;

use self::{
    engine::Run,
    options::{Load, Tokens},
    plan::Plan,
    report::Report,
    requests::{Heads, Inputs},
};
use super::{
    Failure, Outcome, REFUSED,
    connect::{Connect, no_url, nobody_at},
    output::say,
};

/// Make load on a running service, and measure it.
///
/// Checks tokens as fast as the service answers, or at a --rate, and reports calls a second,
/// latencies, verdicts and errors. The tokens are your own (--tokens), or signed here with the key
/// of an issuer for tests (--key). Every answer is read and checked: an error is never counted as a
/// success, and a call that is not answered is counted too.
///
/// Checking tokens and asking for last logouts changes nothing, so that it is safe in production as
/// far as the load is; --rate keeps that small. --logouts writes: it records logouts, but only ever
/// of subjects invented for the run (curfew-bench-…), so that nobody is logged out. They stay in
/// the store for as long as it keeps logouts.
///
/// Examples:
///   curfew bench --tokens tokens.txt --expect VALID
///   curfew bench --key key.pem --algorithm ES256 --kid k1 --iss https://op.example \
///     --aud https://api.example --rate 5000 --fresh 0.1 --logouts 0.01
///
/// Exit code 0: every call was answered with status OK, and as --expect says; 1: some were not;
/// 2: it could not run.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Bench {
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    connect: Connect,
}

impl Bench {
    pub(super) async fn run(self) -> Outcome {
        let plan = Plan::of(&self.load, self.connect.timeout)?;
        let url = self.connect.url()?;
        let uri: Uri = url.parse().map_err(|error| no_url(&url, error))?;
        let authority = uri.authority().ok_or_else(|| no_url(&url, "it names no host"))?.clone();
        let heads = Heads::new(&authority, plan.raw.as_ref().map(|(path, _)| path.as_str()))?;
        let (known, fresh) = tokens::gather(&self.tokens, &plan)?;
        let inputs = Inputs::new(known, fresh, heads, self.load.issuer, plan.raw.is_some())?;
        let Failure(nobody) = nobody_at(&url);
        let run = Arc::new(Run { plan, inputs, authority, nobody });
        let tally = engine::go(Arc::clone(&run)).await?;
        let report = Report::new(tally, &run.plan, run.inputs.repeated())?;
        if self.connect.json {
            say!("{}", report.json());
        } else {
            report.print();
        }
        Ok(if report.good() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
    }
}
