//! `curfew last-logout`: asks when a user last logged out.

use std::process::ExitCode;

use clap::Args;

use super::{
    Outcome,
    connect::{Connect, explain},
    output::{self, BOLD, DIM, say},
};
use crate::transport::grpc::pb;

/// Ask when a user last logged out.
#[derive(Debug, Args)]
pub(super) struct LastLogout {
    /// The user's `sub`.
    subject: String,
    /// The issuer, by iss or by name; may be left out where one is configured.
    #[arg(long, default_value = "", value_name = "ISSUER")]
    issuer: String,
    /// The client whose own logouts count too.
    #[arg(long, default_value = "", value_name = "CLIENT_ID")]
    client: String,
    /// Answer from a state that includes this revision.
    #[arg(long, default_value_t = 0, value_name = "REVISION")]
    min_revision: u64,
    #[command(flatten)]
    connect: Connect,
}

impl LastLogout {
    pub(super) async fn run(self) -> Outcome {
        let request = pb::GetLastLogoutRequest {
            issuer: self.issuer,
            subject: self.subject.clone(),
            client_id: self.client,
            min_revision: self.min_revision,
        };
        let response = self.connect.client().await?.get_last_logout(request).await;
        let response = response.map_err(|status| explain(&status))?.into_inner();
        if self.connect.json {
            output::json("GetLastLogoutResponse", &response)?;
        } else if response.last_logout_time.is_some() {
            say!("{BOLD}{}{BOLD:#}", output::time(response.last_logout_time.as_ref()));
            output::table(&[("reason", output::reason(response.reason))]);
            say!("{DIM}revision {}{DIM:#}", response.revision);
        } else {
            say!("{BOLD}never{BOLD:#}  no logout of {:?} is known", self.subject);
        }
        Ok(ExitCode::SUCCESS)
    }
}
