//! What the front desk costs and how soon it takes effect, while 10,000 tokens a second are checked:
//!
//! 1. the checks alone;
//! 2. providers' logouts arriving meanwhile: how long from sending one until it is in force, each of them looked at;
//! 3. a log stream that catches up: so many events at once, how many a second are taken in, and what the checks feel of it.
//!
//! `cargo bench --bench desk`. `CURFEW_BENCH_SECONDS` sets the length of 1 and 2 (10 where it is not set), `CURFEW_BENCH_EVENTS`
//! the number of events (100,000).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot run says so and ends"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use curfew::{
    token::{Algorithm, Minter, Signer},
    transport::grpc::pb::{self, revocation_service_client::RevocationServiceClient},
};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

const ISSUER: &str = "https://op.example";
const AUDIENCE: &str = "https://api.example";
const SECRET: &str = "Bearer the-stream-s-own-secret";
const RATE: u32 = 10_000;
const ROUNDS: usize = 3;
/// How many logouts providers send at the same time, and how many bodies of events.
const AT_ONCE: usize = 8;
/// How many events a body has.
const EVENTS: usize = 100;

/// A server, killed when dropped.
struct Service {
    child: Child,
    grpc: String,
    http: String,
    minter: Minter,
    directory: TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Service {
    fn start() -> Self {
        let directory = tempfile::tempdir_in(".").expect("a directory on this disk");
        let minter = Minter::generate("k1").expect("a key");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("keys.json"), minter.jwks().to_string()).expect("a file");
        fs::write(path("key.pem"), minter.private_pem()).expect("a file");
        fs::write(path("secret"), SECRET).expect("a file");
        let config = format!(
            "[grpc]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"127.0.0.1:0\"\n[store]\npath = {store:?}\n\
             [[issuer]]\nname = \"op\"\nissuer = \"{ISSUER}\"\naudiences = [\"{AUDIENCE}\"]\nalgorithms = [\"ES256\"]\n\
             keys = {{ jwks_file = {keys:?} }}\n[issuer.backchannel_logout]\nclient_ids = [\"web\"]\n\
             [issuer.auth0_logs]\nsecret_file = {secret:?}\n",
            store = path("store"),
            keys = path("keys.json"),
            secret = path("secret"),
        );
        fs::write(path("curfew.toml"), config).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_curfew"))
            .args(["serve", "--config"])
            .arg(path("curfew.toml"))
            .stdout(Stdio::piped())
            .stderr(fs::File::create(path("log")).expect("a file"))
            .spawn()
            .expect("the program");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut address = || {
            let line = lines.next().and_then(Result::ok).expect("it says where it serves");
            format!("http://{}", line.rsplit(' ').next().unwrap_or_default())
        };
        let (grpc, http) = (address(), address());
        Self { child, grpc, http, minter, directory }
    }

    /// Checks tokens at the rate for so long; the p99 in microseconds. Every answer must be right.
    fn checks(&self, length: Duration) -> Child {
        let seconds = format!("{}ms", length.as_millis());
        Command::new(env!("CARGO_BIN_EXE_curfew"))
            .args([
                "bench",
                "--server",
                &self.grpc,
                "--json",
                "--expect",
                "VALID",
                "--algorithm",
                "ES256",
                "--kid",
                "k1",
            ])
            .args(["--iss", ISSUER, "--aud", AUDIENCE, "--rate", &RATE.to_string(), "--duration", &seconds])
            .arg("--key")
            .arg(self.directory.path().join("key.pem"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program")
    }

    fn logout_token(&self, subject: &str) -> String {
        let signer = Signer::from_pem(Algorithm::Es256, self.minter.private_pem().as_bytes(), Some("k1"));
        let now = seconds_now();
        let claims = json!({
            "iss": ISSUER, "aud": "web", "iat": now, "exp": now + 120, "jti": subject, "sub": subject,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        signer.expect("a key").sign(&claims).expect("a token")
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// The p99 of a load that has ended, in microseconds.
fn p99(load: Child) -> f64 {
    let output = load.wait_with_output().expect("its output");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!((&report["wrong"], &report["errors"]), (&json!(0), &json!({})), "a check went wrong: {report}");
    report["latency_us"]["p99"].as_f64().expect("a figure")
}

/// Sends logouts for so long; how long each took until it was in force, in microseconds.
async fn logouts(service: &Service, length: Duration, round: usize) -> Vec<f64> {
    let (client, until) = (Client::new(), Instant::now() + length);
    let grpc = RevocationServiceClient::connect(service.grpc.clone()).await.expect("a connection");
    let mut senders = JoinSet::new();
    for sender in 0..AT_ONCE {
        // Signed before, so that only the service is measured.
        let subjects: Vec<String> = (0..2000).map(|number| format!("r{round}-{sender}-{number}")).collect();
        let now = seconds_now();
        let pairs: Vec<(String, String)> = subjects
            .iter()
            .map(|subject| {
                let claims =
                    json!({"iss": ISSUER, "sub": subject, "aud": AUDIENCE, "iat": now - 60, "exp": now + 3600});
                (service.logout_token(subject), service.minter.sign(&claims).expect("a token"))
            })
            .collect();
        let (client, mut grpc) = (client.clone(), grpc.clone());
        let url = format!("{}/backchannel-logout", service.http);
        senders.spawn(async move {
            let mut times = Vec::new();
            for (logout, token) in pairs {
                if Instant::now() >= until {
                    break;
                }
                let sent = Instant::now();
                let form = format!("logout_token={logout}");
                let request = client.post(&url).header("content-type", "application/x-www-form-urlencoded").body(form);
                let answer = request.send().await.expect("an answer");
                let took = sent.elapsed();
                assert_eq!(answer.status(), 200);
                let request = pb::ValidateTokenRequest { token, ..Default::default() };
                let checked = grpc.validate_token(request).await.expect("an answer").into_inner();
                assert_eq!(checked.verdict(), pb::Verdict::SubjectLoggedOut, "it is not in force");
                times.push(took.as_secs_f64() * 1e6);
                // Some hundreds a second: many for logouts, little for the machine.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            times
        });
    }
    senders.join_all().await.into_iter().flatten().collect()
}

/// Sends so many events as a stream does that catches up; how many a second were taken in.
async fn burst(service: &Service, events: usize, round: usize) -> f64 {
    let client = Client::new();
    let date = SystemTime::now();
    let bodies: Vec<String> = (0..events / EVENTS)
        .map(|body| {
            let line = |number: usize| {
                let id = format!("{round}-{body}-{number}");
                let date = humantime::format_rfc3339_millis(date).to_string();
                json!({"log_id": id, "data": {
                    "log_id": id, "date": date, "type": "slo", "client_id": "c1", "client_name": "app", "ip": "192.0.2.1",
                    "user_id": format!("auth0|{id}"), "hostname": "tenant.example", "details": {"session_id": id},
                }})
                .to_string()
            };
            (0..EVENTS).map(line).collect::<Vec<_>>().join("\n")
        })
        .collect();
    let (url, began) = (format!("{}/auth0/logs/op", service.http), Instant::now());
    let mut senders = JoinSet::new();
    for sender in 0..AT_ONCE {
        let mine: Vec<String> = bodies.iter().skip(sender).step_by(AT_ONCE).cloned().collect();
        let (client, url) = (client.clone(), url.clone());
        senders.spawn(async move {
            for body in mine {
                let request =
                    client.post(&url).header("authorization", SECRET).header("content-type", "application/json");
                let answer = request.body(body).send().await.expect("an answer");
                assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap_or_default());
            }
        });
    }
    senders.join_all().await;
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let rate = events as f64 / began.elapsed().as_secs_f64();
    rate
}

/// The value at this part of the sorted ones.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((values.len() as f64 * part) as usize).min(values.len().saturating_sub(1));
    values.get(index).copied().unwrap_or_default()
}

fn setting(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() {
    let length = Duration::from_secs_f64(setting("CURFEW_BENCH_SECONDS", 10.0));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of events")]
    let events = setting("CURFEW_BENCH_EVENTS", 100_000.0) as usize;
    let service = Service::start();
    let (mut quiet, mut meanwhile, mut in_force) = (Vec::new(), Vec::new(), Vec::new());
    let (mut rates, mut during) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        quiet.push(p99(service.checks(length)));
        let load = service.checks(length + Duration::from_secs(2));
        tokio::time::sleep(Duration::from_secs(2)).await;
        in_force.push(quantile(&mut logouts(&service, length, round).await, 0.99));
        meanwhile.push(p99(load));
        // As long as the burst is expected to last: the checks feel all of it and little else.
        #[allow(clippy::cast_precision_loss, reason = "a time")]
        let expected = Duration::from_secs_f64(events as f64 / rates.last().copied().unwrap_or(20_000.0));
        let load = service.checks(expected);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        rates.push(burst(&service, events, round).await);
        during.push(p99(load));
    }
    println!("{ROUNDS} rounds in turn; medians (least – most). {RATE} checks a second all the time.\n");
    let row = |name: &str, values: &mut Vec<f64>, unit: &str| {
        let median = quantile(values, 0.5);
        let ends = [values.first(), values.last()].map(|end| end.copied().unwrap_or_default());
        println!("{name:<52} {median:>9.0} {unit} ({:.0} – {:.0})", ends[0], ends[1]);
    };
    row("p99 of checks, alone", &mut quiet, "µs");
    row("p99 of checks while logouts arrive", &mut meanwhile, "µs");
    row("p99 until a provider's logout is in force", &mut in_force, "µs");
    row("events taken in a second, all at once", &mut rates, "/s");
    row("p99 of checks meanwhile", &mut during, "µs");
    println!("\np99 of checks, burst / alone: {:.2}", quantile(&mut during, 0.5) / quantile(&mut quiet, 0.5));
}
