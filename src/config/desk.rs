//! `[http]`: the front desk, and who may ask it about tokens.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{listen_address, reader::Section};
use crate::domain::MAX_IDENTIFIER_BYTES;

/// `[http]`
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Where to listen; port 0 takes any free one. None: there is no front desk.
    pub listen: Option<SocketAddr>,
    /// Whether an address that others can reach may be listened on without authentication.
    pub insecure: bool,
    /// How many connections may be open.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive, and how long its body.
    pub request_timeout: Duration,
    /// Who may ask about tokens. Empty: nobody.
    pub clients: Vec<HttpClientConfig>,
}

/// `[[http.client]]`
#[derive(Debug, Clone)]
pub struct HttpClientConfig {
    /// What it calls itself. No two have the same.
    pub id: String,
    /// Where its secret is.
    pub secret_file: PathBuf,
    /// The audiences that it stands for. Empty: every configured one.
    pub audiences: Vec<String>,
}

impl HttpConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let text = section.text("listen").filter(|text| text != "off");
        let insecure = section.flag("insecure").unwrap_or(false);
        let listen = text.and_then(|text| listen_address(&section, &text, insecure));
        let max_connections = section.number("max_connections", 1..=1_000_000).map_or(1000, super::load::count);
        let request_timeout = section.positive_duration("request_timeout").unwrap_or(Duration::from_secs(10));
        let clients: Vec<_> = section.sections("client").into_iter().filter_map(HttpClientConfig::read).collect();
        check_ids(&section, &clients);
        section.finish();
        Self { listen, insecure, max_connections, request_timeout, clients }
    }
}

impl HttpClientConfig {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let id = section.required("id");
        if let Some(id) = &id
            && (id.len() > MAX_IDENTIFIER_BYTES || id.chars().any(char::is_control))
        {
            section.fault("id", format!("must have at most {MAX_IDENTIFIER_BYTES} bytes and no control characters"));
        }
        let secret_file = section.required("secret_file");
        let audiences = section.list("audiences");
        if audiences.as_ref().is_some_and(|audiences| audiences.is_empty() || audiences.iter().any(String::is_empty)) {
            section.fault(
                "audiences",
                "must name at least one, and none may be empty; leave the key out for every configured audience",
            );
        }
        section.finish();
        Some(Self { id: id?, secret_file: secret_file?.into(), audiences: audiences.unwrap_or_default() })
    }
}

fn check_ids(http: &Section<'_>, clients: &[HttpClientConfig]) {
    let mut seen: Vec<&str> = Vec::new();
    for HttpClientConfig { id, .. } in clients {
        if seen.contains(&id.as_str()) {
            http.fault("client", format!("{id:?} is configured twice"));
        }
        seen.push(id);
    }
}
