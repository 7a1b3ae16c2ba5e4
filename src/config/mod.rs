//! The configuration: one TOML file, every value also a variable `CURFEW_SECTION__KEY`.
//!
//! Every default stands here, with its reason in `curfew.example.toml`. Every fault is reported at once, unknown keys
//! with the nearest known one. Nothing that could skip a check starts: no audience, no algorithm.

mod auth0;
mod desk;
mod elsewhere;
mod global_token_revocation;
mod issuer;
mod load;
mod reader;
mod security_events;

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

pub use auth0::{Auth0PollConfig, check_base_url};
pub use desk::{HttpClientConfig, HttpConfig};
pub use elsewhere::ElsewhereConfig;
pub use issuer::{IssuerConfig, KeysConfig};
pub use load::{ConnectionsConfig, LimitsConfig, RuntimeConfig, TokenCacheConfig};
pub use reader::Fault;
use reader::{Section, Source};
pub use security_events::{PollConfig, SecurityEventsConfig};

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// The gRPC door.
    pub grpc: GrpcConfig,
    /// The front desk.
    pub http: HttpConfig,
    /// The threads that serve.
    pub runtime: RuntimeConfig,
    /// The verified tokens that are kept.
    pub token_cache: TokenCacheConfig,
    /// The connections.
    pub connections: ConnectionsConfig,
    /// The work in flight.
    pub limits: LimitsConfig,
    /// The store.
    pub store: StoreConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Stopping.
    pub shutdown: ShutdownConfig,
    /// Whose tokens are decided on. Never empty.
    pub issuers: Vec<IssuerConfig>,
}

/// `[grpc]`
#[derive(Debug, Clone)]
pub struct GrpcConfig {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Whether an address that others can reach may be listened on without authentication.
    pub insecure: bool,
    /// Whether server reflection is on.
    pub reflection: bool,
}

/// `[store]`
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The directory.
    pub path: PathBuf,
    /// How long subjects' logouts are kept. None: for ever.
    pub retention: Option<Duration>,
}

/// `[log]`
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Whether each event is a JSON object on a line, rather than text.
    pub json: bool,
    /// What is logged: a level, or directives as `info,curfew::store=debug`.
    pub level: String,
}

/// `[shutdown]`
#[derive(Debug, Clone, Copy)]
pub struct ShutdownConfig {
    /// How long calls are still taken after the service has said that it is not serving.
    pub drain_delay: Duration,
    /// How long calls in flight may take to finish.
    pub grace: Duration,
}

/// The configuration cannot be used: every reason.
#[derive(Debug)]
pub enum ConfigError {
    /// The file could not be read.
    Unreadable(PathBuf, io::Error),
    /// The file is not TOML.
    Syntax(Box<toml::de::Error>),
    /// Its content is at fault.
    Faults(Vec<Fault>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{} could not be read: {error}", path.display()),
            Self::Syntax(error) => write!(f, "the configuration is not TOML: {error}"),
            Self::Faults(faults) => {
                let s = if faults.len() == 1 { "" } else { "s" };
                write!(f, "the configuration has {} fault{s}:", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file, if there is one, and the variables.
    ///
    /// # Errors
    /// [`ConfigError`], with every fault.
    pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))?
            }
            None => String::new(),
        };
        Self::parse(&text, env)
    }

    /// Reads the text and the variables.
    ///
    /// # Errors
    /// [`ConfigError`], with every fault.
    pub fn parse(text: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let table: toml::Table = toml::from_str(text).map_err(|error| ConfigError::Syntax(Box::new(error)))?;
        let source = Source::new(env);
        let config = Self::read(source.top(&table));
        match (config, source.faults()) {
            (Some(config), faults) if faults.is_empty() => Ok(config),
            (_, faults) => Err(ConfigError::Faults(faults)),
        }
    }

    fn read(mut top: Section<'_>) -> Option<Self> {
        let grpc = GrpcConfig::read(top.section("grpc"));
        let http = HttpConfig::read(top.section("http"));
        let runtime = RuntimeConfig::read(top.section("runtime"));
        let token_cache = TokenCacheConfig::read(top.section("token_cache"));
        let connections = ConnectionsConfig::read(top.section("connections"));
        let limits = LimitsConfig::read(top.section("limits"));
        let store = StoreConfig::read(top.section("store"));
        let log = LogConfig::read(top.section("log"));
        let shutdown = ShutdownConfig::read(top.section("shutdown"));
        let sections = top.sections("issuer");
        if sections.is_empty() {
            top.fault("issuer", "at least one [[issuer]] must be configured: whose tokens are to be decided on?");
        }
        let issuers: Vec<Option<IssuerConfig>> = sections.into_iter().map(IssuerConfig::read).collect();
        check_unique(&top, issuers.iter().flatten());
        check_retention(&top, store.retention, issuers.iter().flatten());
        check_client_audiences(&top, &http, &issuers);
        elsewhere::check_streams(&top, issuers.iter().flatten());
        top.finish();
        let issuers = issuers.into_iter().collect::<Option<_>>()?;
        Some(Self { grpc: grpc?, http, runtime, token_cache, connections, limits, store, log, shutdown, issuers })
    }
}

/// No two issuers may be called the same, by name or by `iss`.
fn check_unique<'a>(top: &Section<'_>, issuers: impl Iterator<Item = &'a IssuerConfig>) {
    let mut seen: Vec<&str> = Vec::new();
    for issuer in issuers {
        for name in [issuer.name.as_str(), issuer.rules.issuer.as_str()] {
            if seen.contains(&name) {
                top.fault("issuer", format!("{name:?} is configured twice"));
            }
        }
        seen.extend([issuer.name.as_str(), issuer.rules.issuer.as_str()]);
    }
}

/// A subject's logout must be kept as long as a token that it refuses can live.
fn check_retention<'a>(
    top: &Section<'_>,
    retention: Option<Duration>,
    issuers: impl Iterator<Item = &'a IssuerConfig>,
) {
    let longest = issuers.map(|issuer| (crate::service::horizon(&issuer.rules), &issuer.name)).max();
    if let (Some(retention), Some((horizon, name))) = (retention, longest)
        && retention < horizon
    {
        top.fault(
            "store.retention",
            format!(
                "must be at least {}, or logouts would be forgotten while tokens of issuer {name} that they refuse are \
                 alive",
                humantime::format_duration(horizon)
            ),
        );
    }
}

/// Every token would be inactive for whoever stands for an audience that no issuer's tokens have. Where an issuer is at
/// fault itself, its audiences are not known.
fn check_client_audiences(top: &Section<'_>, http: &HttpConfig, issuers: &[Option<IssuerConfig>]) {
    let Some(known) = issuers.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else { return };
    let is_known = |audience: &String| known.iter().any(|issuer| issuer.rules.audiences.contains(audience));
    for (index, client) in http.clients.iter().enumerate() {
        for audience in client.audiences.iter().filter(|audience| !audience.is_empty() && !is_known(audience)) {
            let text = format!("{audience:?} is no issuer's audience: no token for it would be active");
            top.fault(&format!("http.client[{index}].audiences"), text);
        }
    }
}

/// An address to listen on. Others may reach it only if that was said.
fn listen_address(section: &Section<'_>, text: &str, insecure: bool) -> Option<SocketAddr> {
    let listen: Option<SocketAddr> = text.parse().ok();
    match listen {
        None => section.fault("listen", format!("{text:?} is not an address and port, as \"127.0.0.1:50051\"")),
        Some(listen) if !listen.ip().is_loopback() && !insecure => section.fault(
            "listen",
            format!(
                "{listen} can be reached by others, and whoever reaches Curfew can log everybody out. Listen on \
                 127.0.0.1 behind a proxy that authenticates callers, or set insecure = true where the network \
                 alone decides who gets there"
            ),
        ),
        Some(_) => (),
    }
    listen
}

impl GrpcConfig {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let text = section.text("listen").unwrap_or_else(|| "127.0.0.1:50051".to_owned());
        let insecure = section.flag("insecure").unwrap_or(false);
        let reflection = section.flag("reflection").unwrap_or(true);
        let listen = listen_address(&section, &text, insecure);
        section.finish();
        Some(Self { listen: listen?, insecure, reflection })
    }
}

impl StoreConfig {
    fn read(mut section: Section<'_>) -> Self {
        let path = section.text("path").unwrap_or_else(|| "data".to_owned());
        if path.is_empty() {
            section.fault("path", "must not be empty");
        }
        let forever = section.text("retention").is_none_or(|text| text == "forever");
        let retention = if forever { None } else { section.duration("retention") };
        section.finish();
        Self { path: path.into(), retention }
    }
}

impl LogConfig {
    fn read(mut section: Section<'_>) -> Self {
        let json = section.choice("format", &[("text", false), ("json", true)]).unwrap_or(false);
        let level = section.text("level").unwrap_or_else(|| "info".to_owned());
        let words = level.split(',').map(|directive| directive.rsplit('=').next().unwrap_or_default().trim());
        let known = ["off", "error", "warn", "info", "debug", "trace"];
        let misspelt = words.into_iter().find(|word| !known.contains(&word.to_ascii_lowercase().as_str()));
        if misspelt.is_some() || tracing_subscriber::EnvFilter::try_new(&level).is_err() {
            let known = known.join(", ");
            section.fault(
                "level",
                format!("{level:?} is neither one of {known} nor directives as \"info,curfew::store=debug\""),
            );
        }
        section.finish();
        Self { json, level }
    }
}

impl ShutdownConfig {
    fn read(mut section: Section<'_>) -> Self {
        let drain_delay = section.duration("drain_delay").unwrap_or(Duration::ZERO);
        let grace = section.duration("grace").unwrap_or(Duration::from_secs(20));
        section.finish();
        Self { drain_delay, grace }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
