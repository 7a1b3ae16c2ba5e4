//! `curfew dead-letters`: lists the events that could not become a logout.

use std::process::ExitCode;

use clap::Args;

use super::{
    Outcome,
    connect::{Connect, explain},
    output::{self, BOLD, DIM, say},
};
use crate::transport::grpc::pb;

/// List the events that came in and could not become a logout.
///
/// They lack what a logout needs, so that nobody was logged out by them: somebody should look. The latest 1000 are kept.
#[derive(Debug, Args)]
pub(super) struct DeadLetters {
    #[command(flatten)]
    connect: Connect,
}

impl DeadLetters {
    pub(super) async fn run(self) -> Outcome {
        let response = self.connect.admin().await?.list_dead_letters(pb::ListDeadLettersRequest {}).await;
        let response = response.map_err(|status| explain(&status))?.into_inner();
        if self.connect.json {
            output::json("ListDeadLettersResponse", &response)?;
            return Ok(ExitCode::SUCCESS);
        }
        for letter in &response.dead_letters {
            let event = output::plain(&letter.event_type);
            say!("{BOLD}{}{BOLD:#}  {event}", output::time(letter.receive_time.as_ref()));
            output::table(&[
                ("came by", output::source(letter.source)),
                ("issuer", letter.issuer.clone()),
                ("event id", output::plain(&letter.event_id)),
                ("why", output::plain(&letter.detail)),
            ]);
        }
        match response.dead_letters.len() {
            0 => say!("{BOLD}none{BOLD:#}  every event that came in was understood"),
            1 => say!("{DIM}1 dead letter{DIM:#}"),
            count => say!("{DIM}{count} dead letters{DIM:#}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}
