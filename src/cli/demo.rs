//! `curfew demo`: the whole story on a real service: log in, check, log out, refused, log in again, honoured.
//!
//! Everything is as in earnest but the identity provider, which is a key made up for the occasion: a real server on a
//! real port with a real store in a temporary directory, called over gRPC. Every step checks its own outcome.

use std::{fs, net::SocketAddr, path::Path, process::ExitCode};

use clap::Args;
use prost_types::value::Kind;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;

use super::{
    Failure, Outcome,
    connect::explain,
    output::{self, BAD, BOLD, DIM, GOOD, say},
};
use crate::{
    app::{App, SystemClock},
    config::Config,
    domain::Clock,
    shutdown::StopSignals,
    telemetry,
    token::Minter,
    transport::grpc::pb::{self, Verdict, revocation_service_client::RevocationServiceClient},
};

const ISSUER: &str = "https://login.demo.example";
const AUDIENCE: &str = "https://api.demo.example";
const CLAIM: &str = "https://demo.example/last_logout";
/// The user.
const SUBJECT: &str = "ann";

/// Watch a token be honoured, its user log out, the token be refused, and a fresh login be honoured.
///
/// Starts a real service with a made-up identity provider, plays the story over gRPC, and keeps serving so that you can
/// call it yourself. Exit code 1 if any step does not come out as it must.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Stop after the story.
    #[arg(long)]
    once: bool,
    /// Where to listen. With --once: any free port.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

impl Demo {
    pub(super) async fn run(self) -> Outcome {
        let minter = Minter::generate("demo-key")?;
        let directory = TempDir::new()?;
        let config = self.config(directory.path(), &minter)?;
        telemetry::start(&config.log);
        let mut signals = StopSignals::listen()?;
        let app = App::build(config).await.map_err(|error| Failure(format!("{error}; another port: --listen")))?;
        let (ready, is_ready) = oneshot::channel();
        let (stop, stopping) = oneshot::channel();
        let tasks = TaskTracker::new();
        let serving = tasks.spawn(app.run(
            // Nobody waits any more if the story has been interrupted.
            |addresses| ready.send(addresses.grpc).unwrap_or_default(),
            async { stopping.await.unwrap_or("the end of the demonstration") },
        ));
        let address = is_ready.await.map_err(|_| Failure("the service did not start".to_owned()))?;
        let mut story = Story::new(address, minter).await?;
        let as_it_must = story.play().await?;
        if as_it_must && !self.once {
            story.invite();
            let signal = signals.next().await;
            // The service may have ended by itself; awaiting it below says why.
            stop.send(signal).unwrap_or_default();
        } else {
            drop(stop);
        }
        serving.await??;
        Ok(if as_it_must { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// A configuration as an operator would write it; what changes from run to run comes as variables.
    fn config(&self, directory: &Path, minter: &Minter) -> Result<Config, Failure> {
        let keys = directory.join("keys.json");
        fs::write(&keys, minter.jwks().to_string())?;
        let default = if self.once { "127.0.0.1:0" } else { "127.0.0.1:50051" };
        let variables = [
            ("CURFEW_GRPC__LISTEN", self.listen.map_or(default.to_owned(), |address| address.to_string())),
            ("CURFEW_STORE__PATH", directory.join("data").display().to_string()),
            ("CURFEW_ISSUER__0__KEYS__JWKS_FILE", keys.display().to_string()),
        ];
        Ok(Config::parse(CONFIG, variables.map(|(name, value)| (name.to_owned(), value)))?)
    }
}

const CONFIG: &str = r#"
[log]
level = "warn"
[[issuer]]
name = "demo"
issuer = "https://login.demo.example"
audiences = ["https://api.demo.example"]
algorithms = ["ES256"]
last_logout_claim = "https://demo.example/last_logout"
"#;

/// The story, told to a running service.
struct Story {
    address: SocketAddr,
    minter: Minter,
    client: RevocationServiceClient<Channel>,
    logins: u32,
    as_it_must: bool,
    last_token: String,
}

impl Story {
    async fn new(address: SocketAddr, minter: Minter) -> Result<Self, Failure> {
        let client = RevocationServiceClient::connect(format!("http://{address}")).await?;
        Ok(Self { address, minter, client, logins: 0, as_it_must: true, last_token: String::new() })
    }

    /// Plays it. Returns whether every step came out as it must.
    async fn play(&mut self) -> Result<bool, Failure> {
        say!("{BOLD}Curfew serves on {}.{BOLD:#} An issuer made up for the occasion signs the tokens.\n", self.address);
        let first = self.log_in().await?;
        self.check("her token is honoured", &first, Verdict::Valid).await?;
        self.log_out().await?;
        self.check("the same token is refused", &first, Verdict::SubjectLoggedOut).await?;
        let second = self.log_in().await?;
        self.check("her fresh token is honoured, in the same second", &second, Verdict::Valid).await?;
        self.check("the old one is still refused", &first, Verdict::SubjectLoggedOut).await?;
        self.last_token = second;
        let (style, word) =
            if self.as_it_must { (GOOD, "Log out means logged out.") } else { (BAD, "This is not as it must be.") };
        say!("\n{style}{word}{style:#}");
        Ok(self.as_it_must)
    }

    /// What an identity provider does at a login: asks for the last logout, and puts it into the token. `iat` has whole
    /// seconds, as most have it, so that without the claim a login in the logout's second could not be told from one
    /// before.
    async fn log_in(&mut self) -> Result<String, Failure> {
        let request = pb::GetLastLogoutRequest { subject: SUBJECT.to_owned(), ..Default::default() };
        let response = self.client.get_last_logout(request).await.map_err(|status| explain(&status))?.into_inner();
        let claim = match response.claim_value.and_then(|value| value.kind) {
            Some(Kind::StringValue(text)) => Value::String(text),
            _ => Value::Null,
        };
        self.logins += 1;
        let issued_at = SystemClock.now().as_millis() / 1000;
        let known = output::time(response.last_logout_time.as_ref());
        self.step(true, "Ann logs in", &format!("GetLastLogout: {}", if claim.is_null() { "never" } else { &known }));
        Ok(self.minter.sign(&json!({
            "iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "client_id": "demo-app", "jti": format!("login-{}", self.logins),
            "iat": issued_at, "exp": issued_at + 3600, CLAIM: claim,
        }))?)
    }

    async fn check(&mut self, what: &str, token: &str, expected: Verdict) -> Result<(), Failure> {
        let request = pb::ValidateTokenRequest { token: token.to_owned(), ..Default::default() };
        let response = self.client.validate_token(request).await.map_err(|status| explain(&status))?.into_inner();
        let as_expected = response.verdict == i32::from(expected) && response.valid == (expected == Verdict::Valid);
        self.step(as_expected, what, &format!("ValidateToken: {}", output::verdict(response.verdict)));
        Ok(())
    }

    async fn log_out(&mut self) -> Result<(), Failure> {
        let subject = pb::Subject { subject: SUBJECT.to_owned(), ..Default::default() };
        let request = pb::RecordLogoutRequest {
            target: Some(pb::record_logout_request::Target::Subject(subject)),
            reason: pb::LogoutReason::UserLogout.into(),
            ..Default::default()
        };
        let response = self.client.record_logout(request).await.map_err(|status| explain(&status))?.into_inner();
        let at = output::time(response.logout.as_ref().and_then(|logout| logout.logout_time.as_ref()));
        self.step(response.advanced, "she logs out", &format!("RecordLogout: durable, {at}"));
        Ok(())
    }

    fn step(&mut self, as_it_must: bool, what: &str, outcome: &str) {
        self.as_it_must &= as_it_must;
        let (style, mark) = if as_it_must { (GOOD, "✓") } else { (BAD, "✗") };
        say!("  {style}{mark}{style:#} {what:<48} {DIM}{outcome}{DIM:#}");
    }

    fn invite(&self) {
        let address = self.address;
        say!("\nStill serving; Ctrl-C ends it. In another terminal:\n");
        say!("  TOKEN={}", self.last_token);
        say!(
            "  grpcurl -plaintext -d '{{\"token\": \"'$TOKEN'\"}}' {address} curfew.v1.RevocationService/ValidateToken"
        );
        say!(
            "  grpcurl -plaintext -d '{{\"subject\": {{\"subject\": \"{SUBJECT}\"}}}}' {address} \
             curfew.v1.RevocationService/RecordLogout"
        );
        say!("  curfew validate --server {address} $TOKEN\n");
    }
}
