//! Calls a running service.

use std::time::Duration;

use clap::Args;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use super::Failure;
use crate::transport::grpc::pb::revocation_service_client::RevocationServiceClient;

/// Which service to call, and how to answer.
#[derive(Debug, Clone, Args)]
pub(super) struct Connect {
    /// The service to call.
    #[arg(long, env = "CURFEW_SERVER", default_value = "http://127.0.0.1:50051", value_name = "URL", global = true)]
    server: String,
    /// How long to wait for the answer.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    timeout: Duration,
    /// Answer in JSON, for programs.
    #[arg(long)]
    pub(super) json: bool,
}

impl Connect {
    /// A client of the service.
    pub(super) async fn client(&self) -> Result<RevocationServiceClient<Channel>, Failure> {
        let url = if self.server.contains("://") { self.server.clone() } else { format!("http://{}", self.server) };
        if !url.starts_with("http://") {
            return Err(Failure(format!(
                "{url:?}: only http:// is spoken; TLS is not there yet, so reach a remote service by a tunnel"
            )));
        }
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|error| {
            Failure(format!("{url:?} is no URL of a service ({error}); try http://127.0.0.1:50051"))
        })?;
        let channel = endpoint.timeout(self.timeout).connect_timeout(self.timeout).connect().await;
        let channel = channel.map_err(|_| {
            Failure(format!("nobody answers at {url}. Is it running (curfew serve), and is --server right?"))
        })?;
        Ok(RevocationServiceClient::new(channel))
    }
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
