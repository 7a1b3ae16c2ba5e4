//! A transmitter of security events on this machine: keeps tokens until they are acknowledged, hands them out page by
//! page, and has every fault that it is told to have.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

/// After so long a wait has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long the transmitter waits until there is something.
const HOLDS: Duration = Duration::from_secs(20);

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// This status.
    Status(u16),
    /// This text.
    Text(&'static str),
    /// More than anybody reads.
    Huge,
    /// A byte now and then.
    Slow,
    /// Nothing, ever.
    Silent,
}

/// A question that was asked.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// When.
    pub(super) at: Instant,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// What it says.
    pub(super) body: Value,
}

/// A transmitter; it ends when it is dropped.
pub(super) struct Transmitter {
    address: std::net::SocketAddr,
    state: Arc<Inner>,
    _serving: JoinSet<()>,
}

struct Inner {
    /// The tokens that nobody has acknowledged or refused yet, by their `jti`.
    pending: watch::Sender<BTreeMap<String, Value>>,
    faults: Mutex<VecDeque<Fault>>,
    questions: watch::Sender<Vec<Question>>,
    /// Whether what is acknowledged or refused is sent again all the same.
    forgetful: Mutex<bool>,
    /// Documents, by their path.
    documents: Mutex<BTreeMap<String, String>>,
}

impl Transmitter {
    /// One that has nothing to tell.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Inner {
            pending: watch::Sender::default(),
            faults: Mutex::default(),
            questions: watch::Sender::default(),
            forgetful: Mutex::default(),
            documents: Mutex::default(),
        });
        let router =
            Router::new().route("/poll", post(poll)).route("/{*path}", get(document)).with_state(Arc::clone(&state));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, state, _serving: serving }
    }

    /// The URL of a path on it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Has a document.
    pub(super) fn serve(&self, path: &str, document: &Value) {
        self.state.documents.lock().unwrap().insert(path.to_owned(), document.to_string());
    }

    /// Has one more token to tell.
    pub(super) fn tell(&self, id: &str, token: impl Into<Value>) {
        let token = token.into();
        self.state.pending.send_modify(|pending| drop(pending.insert(id.to_owned(), token)));
    }

    /// Answers the next question like this.
    pub(super) fn fail(&self, fault: Fault) {
        self.state.faults.lock().unwrap().push_back(fault);
    }

    /// Sends everything again, whatever it is told.
    pub(super) fn forget_what_it_is_told(&self) {
        *self.state.forgetful.lock().unwrap() = true;
    }

    /// The questions so far.
    pub(super) fn questions(&self) -> Vec<Question> {
        self.state.questions.borrow().clone()
    }

    /// Everything that was acknowledged so far.
    pub(super) fn acknowledged(&self) -> Vec<String> {
        let of = |question: &Question| question.body["ack"].as_array().cloned().unwrap_or_default();
        self.questions().iter().flat_map(of).map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// What was said to be wrong with tokens so far.
    pub(super) fn errors(&self) -> BTreeMap<String, Value> {
        let of = |question: &Question| question.body["setErrs"].as_object().cloned().unwrap_or_default();
        self.questions().iter().flat_map(of).collect()
    }

    /// Waits until there were so many questions.
    pub(super) async fn until_asked(&self, times: usize) {
        let mut questions = self.state.questions.subscribe();
        let asked = timeout(PATIENCE, questions.wait_for(|questions| questions.len() >= times)).await;
        assert!(asked.is_ok(), "question {times} never came; there were {}", self.questions().len());
    }

    /// Waits until nothing is left to tell.
    pub(super) async fn until_told(&self) {
        let mut pending = self.state.pending.subscribe();
        let told = timeout(PATIENCE, pending.wait_for(BTreeMap::is_empty)).await;
        assert!(told.is_ok(), "these are left: {:?}", self.state.pending.borrow().keys());
    }
}

async fn document(State(state): State<Arc<Inner>>, Path(path): Path<String>) -> Result<String, StatusCode> {
    state.documents.lock().unwrap().get(&format!("/{path}")).cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn poll(State(state): State<Arc<Inner>>, headers: HeaderMap, body: String) -> Response<Body> {
    let body: Value = serde_json::from_str(&body).unwrap();
    let question = Question { at: Instant::now(), headers, body: body.clone() };
    state.questions.send_modify(|questions| questions.push(question));
    let fault = state.faults.lock().unwrap().pop_front();
    if let Some(fault) = fault {
        return wrong(fault).await;
    }
    forget(&state, &body);
    if body["returnImmediately"] != json!(true) {
        let mut pending = state.pending.subscribe();
        drop(timeout(HOLDS, pending.wait_for(|pending| !pending.is_empty())).await);
    }
    let pending = state.pending.borrow();
    let most = usize::try_from(body["maxEvents"].as_u64().unwrap()).unwrap();
    let sets: serde_json::Map<_, _> =
        pending.iter().take(most).map(|(id, token)| (id.clone(), token.clone())).collect();
    Response::new(Body::from(json!({"sets": sets, "moreAvailable": pending.len() > most}).to_string()))
}

/// Drops what is acknowledged, and what is refused.
fn forget(state: &Inner, body: &Value) {
    if *state.forgetful.lock().unwrap() {
        return;
    }
    let acknowledged = body["ack"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let refused = body["setErrs"].as_object().into_iter().flat_map(|errors| errors.keys().map(String::as_str));
    let done: Vec<&str> = acknowledged.chain(refused).collect();
    state.pending.send_if_modified(|pending| {
        let before = pending.len();
        pending.retain(|id, _| !done.contains(&id.as_str()));
        pending.len() < before
    });
}

async fn wrong(fault: Fault) -> Response<Body> {
    match fault {
        Fault::Status(status) => {
            let mut response = Response::new(Body::from("{}"));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        }
        Fault::Text(text) => Response::new(Body::from(text)),
        Fault::Huge => Response::new(Body::from(format!("{{\"sets\":{{\"x\":\"{}\"}}}}", "x".repeat(5 << 20)))),
        Fault::Slow => {
            let drops = futures_util::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Ok::<_, std::io::Error>(" "), ()))
            });
            Response::new(Body::from_stream(drops))
        }
        Fault::Silent => std::future::pending().await,
    }
}
