//! A small Auth0 tenant: its token endpoint and the log of its Management API, which fails as it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Response, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::timeout};

/// The client that may read the log.
pub(super) const CLIENT_ID: &str = "curfew-reader";

/// Its secret.
pub(super) const CLIENT_SECRET: &str = "a-secret-of-the-client-s-own";

/// What it answers instead of a page.
pub(super) enum Instead {
    /// A status and headers.
    Status(u16, Vec<(&'static str, String)>),
    /// The page, with these headers.
    Page(Vec<(&'static str, String)>),
    /// This body, as if it were a page.
    Body(String),
    /// A body without an end.
    Endless,
    /// Nothing, ever.
    Silence,
    /// The token is not known any more.
    TokenUnknown,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The path.
    pub(super) path: String,
    /// What was asked for: `from`, `take`, `q`, …
    pub(super) query: Vec<(String, String)>,
    /// The body, where it has one.
    pub(super) body: Value,
    /// When.
    pub(super) at: Instant,
}

impl Asked {
    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

struct Inner {
    events: Vec<Value>,
    instead: VecDeque<Instead>,
    asked: Vec<Asked>,
    /// The number of the token that is good.
    token: usize,
    lifetime: u64,
    /// Whether pages name the next one.
    links: bool,
}

/// The tenant; it ends when it is dropped.
pub(super) struct Tenant {
    inner: Arc<Mutex<Inner>>,
    /// Its URL.
    pub(super) url: String,
    _serving: JoinSet<()>,
}

type Shared = State<Arc<Mutex<Inner>>>;

impl Tenant {
    /// One without events.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner {
            events: Vec::new(),
            instead: VecDeque::new(),
            asked: Vec::new(),
            token: 0,
            lifetime: 86_400,
            links: false,
        };
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new()
            .route("/oauth/token", post(token))
            .route("/api/v2/logs", get(logs))
            .with_state(Arc::clone(&inner));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, url, _serving: serving }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Something happens.
    pub(super) fn happens(&self, events: impl IntoIterator<Item = Value>) {
        self.inner().events.extend(events);
    }

    /// Answers the next request for a page like this.
    pub(super) fn answer_once(&self, instead: Instead) {
        self.inner().instead.push_back(instead);
    }

    /// Its tokens live so many seconds from now on.
    pub(super) fn token_lifetime(&self, seconds: u64) {
        self.inner().lifetime = seconds;
    }

    /// Its pages name the next one from now on.
    pub(super) fn name_next_pages(&self) {
        self.inner().links = true;
    }

    /// The token that it gave out is no good any more.
    pub(super) fn withdraw_token(&self) {
        self.inner().token += 1;
    }

    /// It has forgotten all events before the last few.
    pub(super) fn forget_all_but(&self, count: usize) {
        let events = &mut self.inner().events;
        *events = events.split_off(events.len() - count);
    }

    /// The requests of this path that came.
    pub(super) fn asked(&self, path: &str) -> Vec<Asked> {
        self.inner().asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// The requests for pages that came.
    pub(super) fn pages(&self) -> Vec<Asked> {
        self.asked("/api/v2/logs")
    }

    /// Waits until somebody has asked for what is after this event, and so has taken it.
    pub(super) async fn is_read_up_to(&self, id: &str) {
        let read = async {
            while self.pages().last().is_none_or(|asked| asked.parameter("from") != Some(id)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let came = timeout(Duration::from_secs(30), read).await;
        assert!(came.is_ok(), "nobody asks what is after {id}: {:?}", self.pages().last());
    }

    /// Waits until so many pages were asked for.
    pub(super) async fn is_asked(&self, count: usize) {
        let asked = async {
            while self.pages().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(Duration::from_secs(30), asked).await.is_ok(), "there were {} pages", self.pages().len());
    }
}

fn answer(status: u16, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

async fn token(State(inner): Shared, body: String) -> Response<Body> {
    let mut inner = inner.lock().unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    let at = Instant::now();
    inner.asked.push(Asked { path: "/oauth/token".to_owned(), query: Vec::new(), body: body.clone(), at });
    if (&body["client_id"], &body["client_secret"]) != (&json!(CLIENT_ID), &json!(CLIENT_SECRET)) {
        return answer(401, json!({"error": "access_denied"}).to_string());
    }
    inner.token += 1;
    let token = format!("token-{}", inner.token);
    answer(200, json!({"access_token": token, "expires_in": inner.lifetime, "token_type": "Bearer"}).to_string())
}

async fn logs(State(inner): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let (instead, page) = {
        let mut inner = inner.lock().unwrap();
        let asked = Asked { path: "/api/v2/logs".to_owned(), query, body: Value::Null, at: Instant::now() };
        inner.asked.push(asked.clone());
        let known = format!("Bearer token-{}", inner.token);
        if headers.get("authorization").is_none_or(|value| value.to_str().unwrap() != known) {
            return answer(401, "{}");
        }
        (inner.instead.pop_front(), page(&inner, &asked))
    };
    let with = |mut response: Response<Body>, headers: Vec<(&'static str, String)>| {
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    };
    match instead {
        None => page,
        Some(Instead::Page(headers)) => with(page, headers),
        Some(Instead::Status(status, headers)) => with(answer(status, "{}"), headers),
        Some(Instead::Body(body)) => answer(200, body),
        Some(Instead::Endless) => {
            let chunks = tokio_stream::iter(std::iter::repeat_with(|| Ok::<_, std::io::Error>(" ".repeat(65_536))));
            answer(200, Body::from_stream(chunks))
        }
        Some(Instead::Silence) => std::future::pending().await,
        Some(Instead::TokenUnknown) => answer(401, "{}"),
    }
}

/// The page that was asked for.
fn page(inner: &Inner, asked: &Asked) -> Response<Body> {
    let events = &inner.events;
    let count = |name: &str| asked.parameter(name).and_then(|count| count.parse().ok()).unwrap_or(50_usize).min(100);
    let id = |event: &Value| event["log_id"].as_str().unwrap_or_default().to_owned();
    let found: Vec<Value> = match (asked.parameter("from"), asked.parameter("q")) {
        (Some(from), _) => {
            let Some(at) = events.iter().position(|event| id(event) == from) else {
                return answer(400, json!({"error": "Bad Request"}).to_string());
            };
            events[at + 1..].iter().take(count("take")).cloned().collect()
        }
        (None, Some(query)) => {
            let since = query.strip_prefix("date:[").and_then(|rest| rest.strip_suffix(" TO *]")).unwrap();
            let later = events.iter().filter(|event| event["date"].as_str().unwrap_or_default() >= since);
            later.take(count("per_page")).cloned().collect()
        }
        (None, None) => return answer(400, "{}"),
    };
    let next = found.last().map(id).or(asked.parameter("from").map(str::to_owned));
    let mut response = answer(200, json!(found).to_string());
    if let (true, Some(next)) = (inner.links, next) {
        let link = format!("<https://tenant.example/api/v2/logs?take=100&from={next}>; rel=\"next\"");
        response.headers_mut().insert("link", link.parse().unwrap());
    }
    response
}
