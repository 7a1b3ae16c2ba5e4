//! What several tests need: a clock set by hand, a real server process, and short ways to the vocabulary.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use curfew::{
    domain::{Clock, Issuer, LogoutReason, NewLogout, Scope, SubjectId, Timestamp, When},
    token::Minter,
    transport::grpc::pb::{self, revocation_service_client::RevocationServiceClient},
};
use serde_json::json;
use tempfile::TempDir;
use tonic::transport::Channel;

/// The issuer of [`Server`]'s tokens.
pub(crate) const ISSUER: &str = "https://op.example";

/// Their audience.
pub(crate) const AUDIENCE: &str = "https://api.example";

/// A clock that stands still until it is set.
pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    /// At so many milliseconds after 1970.
    pub(crate) const fn at(millis: i64) -> Self {
        Self(AtomicI64::new(millis))
    }

    /// Sets it.
    pub(crate) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// An instant in 2026, so many milliseconds on.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + millis).unwrap()
}

/// A subject of the issuer.
pub(crate) fn subject(name: &str) -> Scope {
    Scope::Subject(Issuer::parse(ISSUER).unwrap(), SubjectId::parse(name).unwrap())
}

/// A logout that happened at an instant and was learned of then.
pub(crate) fn logout(scope: &Scope, when: When, now: Timestamp) -> NewLogout {
    NewLogout { scope: scope.clone(), when, record_time: now, reason: LogoutReason::UserLogout, reauthenticate: false }
}

/// A real server process, on a store of its own, with a key of its own. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it answers.
    pub(crate) url: String,
    /// Where its front desk is, if it has one.
    pub(crate) http: Option<String>,
    /// Signs tokens that it honours.
    pub(crate) minter: Minter,
    /// Where its configuration and store are.
    pub(crate) directory: TempDir,
}

/// How to start a server.
pub(crate) struct Setup {
    directory: TempDir,
    minter: Minter,
    store: PathBuf,
    /// Lines to add to the issuer's table.
    pub(crate) issuer: &'static str,
    /// Lines to put before it.
    pub(crate) top: &'static str,
}

impl Setup {
    /// A new directory, a new key.
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let minter = Minter::generate("k1").unwrap();
        fs::write(directory.path().join("keys.json"), minter.jwks().to_string()).unwrap();
        let store = directory.path().join("store");
        Self { directory, minter, store, issuer: "", top: "" }
    }

    /// Writes a file into its directory; returns the path, as a configuration has it.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        format!("{path:?}")
    }

    /// With the store elsewhere.
    pub(crate) fn store(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.store);
        self
    }

    /// A file with this content beside the configuration.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The configuration, written down.
    pub(crate) fn write_config(&self) -> PathBuf {
        let keys = self.directory.path().join("keys.json");
        let text = format!(
            "[grpc]\nlisten = \"127.0.0.1:0\"\n[store]\npath = {store:?}\n{top}\n[[issuer]]\nname = \"op\"\nissuer = \
             \"{ISSUER}\"\naudiences = [\"{AUDIENCE}\"]\nalgorithms = [\"ES256\"]\nkeys = {{ jwks_file = {keys:?} \
             }}\n{issuer}\n",
            store = self.store,
            top = self.top,
            issuer = self.issuer,
        );
        let path = self.directory.path().join("curfew.toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(self) -> Server {
        self.write_config();
        self.start_as_written()
    }

    /// The same, with a configuration that was written and changed before.
    pub(crate) fn start_as_written(self) -> Server {
        let config = self.directory.path().join("curfew.toml");
        let Launched { child, url, http } = launch(&config).unwrap_or_else(|log| panic!("it did not start:\n{log}"));
        Server { child, url, http, minter: self.minter, directory: self.directory }
    }
}

impl Setup {
    /// The same, without waiting until it is ready.
    pub(crate) fn start_without_waiting(self) -> Server {
        let config = self.directory.path().join("curfew.toml");
        let child = spawn(&config);
        Server { child, url: String::new(), http: None, minter: self.minter, directory: self.directory }
    }
}

/// Starts a server.
fn spawn(config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_curfew"))
        .args(["serve", "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .stderr(fs::File::create(config.with_extension("log")).unwrap())
        .spawn()
        .unwrap()
}

/// Starts a server and waits until it says where it answers; what it logged, where it ended instead.
fn launch(config: &Path) -> Result<Launched, String> {
    let mut child = spawn(config);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = |of: &str| {
        let line = lines.next().and_then(Result::ok)?;
        Some(format!("http://{}", line.strip_prefix(&format!("curfew: serving {of} on "))?))
    };
    let Some(url) = address("gRPC") else {
        child.wait().unwrap();
        return Err(fs::read_to_string(config.with_extension("log")).unwrap());
    };
    let has_desk = fs::read_to_string(config).unwrap().contains("[http]");
    let http = if has_desk { address("HTTP") } else { None };
    Ok(Launched { child, url, http })
}

/// A process that has said where it answers.
struct Launched {
    child: Child,
    url: String,
    http: Option<String>,
}

impl Server {
    /// A client on a connection of its own.
    pub(crate) async fn client(&self) -> RevocationServiceClient<Channel> {
        RevocationServiceClient::connect(self.url.clone()).await.unwrap()
    }

    /// A token of a subject, issued now for an hour.
    pub(crate) fn token(&self, subject: &str) -> String {
        let now = unix_seconds();
        self.minter
            .sign(&json!({"iss": ISSUER, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + 3600}))
            .unwrap()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("curfew.log")).unwrap()
    }

    /// Kills it as nothing can resist, and waits for its end.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end:\n{}", self.log());
    }

    /// Starts it again on the same configuration and store.
    pub(crate) fn restart(&mut self) {
        let config = self.directory.path().join("curfew.toml");
        let Launched { child, url, http } =
            launch(&config).unwrap_or_else(|log| panic!("it did not start again:\n{log}"));
        (self.child, self.url, self.http) = (child, url, http);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the program and returns its exit code, standard output and standard error.
pub(crate) fn curfew(arguments: &[&str], input: &str) -> (i32, String, String) {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_curfew"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap().code().unwrap_or(-1), out, err)
}

/// Seconds since 1970.
pub(crate) fn unix_seconds() -> i64 {
    curfew::app::SystemClock.now().as_millis() / 1000
}

/// The request for a subject's logout.
pub(crate) fn logout_of(subject: &str) -> pb::RecordLogoutRequest {
    let subject = pb::Subject { subject: subject.to_owned(), ..Default::default() };
    pb::RecordLogoutRequest { target: Some(pb::record_logout_request::Target::Subject(subject)), ..Default::default() }
}
