//! The token by which a tenant's Management API is asked, got by a client's secret (RFC 6749, section 4.4).
//!
//! One is used until shortly before it expires, for a tenant counts how many it gives out. Neither token nor secret is ever in
//! an error.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{
    Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    auth0_logs::{LogsError, wait},
    fetch::{Fetcher, read_body, transport, unsuccessful},
};
use crate::{
    domain::Clock,
    token::{Secret, parse_object},
};

/// The largest answer that is read.
const MOST_BYTES: usize = 64 * 1024;

/// How long before it expires a token is renewed, if it lives twice as long.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// How long a token is used that does not say how long it lives.
const UNSAID_LIFETIME: Duration = Duration::from_secs(300);

/// The token of one client of one tenant.
pub(super) struct TenantToken {
    fetcher: Fetcher,
    /// Where it is got.
    url: String,
    /// What for.
    audience: String,
    client_id: String,
    client_secret: Secret,
    clock: Arc<dyn Clock>,
    /// Locked only to read and set it.
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    renew_at: Instant,
}

impl TenantToken {
    /// None yet.
    pub(super) fn new(
        fetcher: Fetcher,
        base_url: &str,
        client_id: String,
        client_secret: Secret,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (url, audience) = (format!("{base_url}/oauth/token"), format!("{base_url}/api/v2/"));
        Self { fetcher, url, audience, client_id, client_secret, clock, token: Mutex::new(None) }
    }

    /// The `Authorization` header with a token that is good for some time yet.
    pub(super) async fn header(&self) -> Result<HeaderValue, LogsError> {
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = known.filter(|token| token.renew_at > Instant::now()) {
            return Ok(token.header);
        }
        let token = self.get().await?;
        self.set(Some(token.clone()));
        Ok(token.header)
    }

    /// It is no good any more.
    pub(super) fn forget(&self) {
        self.set(None);
    }

    fn set(&self, token: Option<Token>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    async fn get(&self) -> Result<Token, LogsError> {
        let document = |reason: &str| LogsError::Document(self.url.clone(), reason.to_owned());
        let url = Url::parse(&self.url).map_err(|error| document(&error.to_string()))?;
        let body = json!({
            "grant_type": "client_credentials", "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(), "audience": self.audience,
        });
        let request = self.fetcher.client(&url).post(url).header(CONTENT_TYPE, "application/json");
        let request = request.header(ACCEPT, "application/json").body(body.to_string());
        let asked_at = Instant::now();
        let response = request.send().await.map_err(|error| transport(&self.url, error))?;
        let status = response.status().as_u16();
        match status {
            200 => (),
            429 => return Err(LogsError::TooMany(wait(response.headers(), self.clock.now()))),
            400 | 401 | 403 => {
                let hint = "client_id, the secret in client_secret_file, or the client's grants are not right";
                return Err(LogsError::NotAllowed { url: self.url.clone(), status, hint });
            }
            _ => return Err(unsuccessful(&self.url, &response).into()),
        }
        let body = read_body(&self.url, response, MOST_BYTES).await?;
        let answer = parse_object(&body).map_err(|error| document(&error.to_string()))?;
        let token = answer.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| document("it has no access_token"))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| document("its access_token cannot stand in a header"))?;
        header.set_sensitive(true);
        let lifetime = answer.get("expires_in").and_then(Value::as_u64).map_or(UNSAID_LIFETIME, Duration::from_secs);
        Ok(Token { header, renew_at: asked_at + used_for(lifetime) })
    }
}

/// How long a token is used that lives so long: not until its very end, but half of it at least, and a day at most.
fn used_for(lifetime: Duration) -> Duration {
    let day = Duration::from_secs(24 * 3600);
    lifetime.saturating_sub(RENEW_BEFORE).max(lifetime / 2).min(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_its_end() {
        for (lifetime, used) in [(86_400, 86_340), (3600, 3540), (90, 45), (0, 0), (u64::MAX, 86_400)] {
            assert_eq!(used_for(Duration::from_secs(lifetime)), Duration::from_secs(used), "{lifetime}");
        }
    }
}
