//! `[http]`: the front desk.

use std::{net::SocketAddr, time::Duration};

use super::{listen_address, reader::Section};

/// `[http]`
#[derive(Debug, Clone, Copy)]
pub struct HttpConfig {
    /// Where to listen; port 0 takes any free one. None: there is no front desk.
    pub listen: Option<SocketAddr>,
    /// Whether an address that others can reach may be listened on without authentication.
    pub insecure: bool,
    /// How many connections may be open.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive, and how long its body.
    pub request_timeout: Duration,
}

impl HttpConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let text = section.text("listen").filter(|text| text != "off");
        let insecure = section.flag("insecure").unwrap_or(false);
        let listen = text.and_then(|text| listen_address(&section, &text, insecure));
        let max_connections = section.number("max_connections", 1..=1_000_000).map_or(1000, super::load::count);
        let request_timeout = section.positive_duration("request_timeout").unwrap_or(Duration::from_secs(10));
        section.finish();
        Self { listen, insecure, max_connections, request_timeout }
    }
}
