//! Calls a running service.

use std::{fmt::Display, time::Duration};

use clap::Args;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use super::Failure;
use crate::transport::grpc::pb::{
    admin_service_client::AdminServiceClient, revocation_service_client::RevocationServiceClient,
};

/// Which service to call, and how to answer.
#[derive(Debug, Clone, Args)]
pub(super) struct Connect {
    /// The service to call.
    #[arg(long, env = "CURFEW_SERVER", default_value = "http://127.0.0.1:50051", value_name = "URL", global = true)]
    server: String,
    /// How long to wait for the answer.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(super) timeout: Duration,
    /// Answer in JSON, for programs.
    #[arg(long)]
    pub(super) json: bool,
}

impl Connect {
    /// The URL of the service.
    pub(super) fn url(&self) -> Result<String, Failure> {
        let url = if self.server.contains("://") { self.server.clone() } else { format!("http://{}", self.server) };
        if url.starts_with("http://") {
            return Ok(url);
        }
        Err(Failure(format!(
            "{url:?}: only http:// is spoken; TLS is not there yet, so reach a remote service by a tunnel"
        )))
    }

    /// A client of the service.
    pub(super) async fn client(&self) -> Result<RevocationServiceClient<Channel>, Failure> {
        Ok(RevocationServiceClient::new(self.channel().await?))
    }

    /// A client of the service for operators.
    pub(super) async fn admin(&self) -> Result<AdminServiceClient<Channel>, Failure> {
        Ok(AdminServiceClient::new(self.channel().await?))
    }

    async fn channel(&self) -> Result<Channel, Failure> {
        let url = self.url()?;
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|error| no_url(&url, error))?;
        let channel = endpoint.timeout(self.timeout).connect_timeout(self.timeout).connect().await;
        channel.map_err(|_| nobody_at(&url))
    }
}

/// Says that a text names no service.
pub(super) fn no_url(url: &str, why: impl Display) -> Failure {
    Failure(format!("{url:?} is no URL of a service ({why}); try http://127.0.0.1:50051"))
}

/// Says that nobody answers.
pub(super) fn nobody_at(url: &str) -> Failure {
    Failure(format!("nobody answers at {url}. Is it running (curfew serve), and is --server right?"))
}

/// What a failed call says, field by field where the service named any.
pub(super) fn explain(status: &Status) -> Failure {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| format!(" [{}]", info.reason)).unwrap_or_default();
    let retry = match details.retry_info().and_then(|info| info.retry_delay) {
        Some(delay) => format!(" Try again in {}.", humantime::format_duration(delay)),
        None => String::new(),
    };
    let text = match status.code() {
        Code::Cancelled | Code::DeadlineExceeded => "the service did not answer in time; see --timeout",
        _ => status.message(),
    };
    Failure(format!("{text}{reason}{retry}"))
}
