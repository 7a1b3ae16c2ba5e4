//! What is sent: every request ready to go before the run, but for logouts, which are of a new subject each.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header, uri};
use prost::{
    Message,
    bytes::{BufMut, Bytes, BytesMut},
};

use super::{
    plan::{Kind, Mix, Plan},
    tokens::Token,
};
use crate::{
    cli::Failure,
    transport::grpc::{
        SERVICE_NAME,
        pb::{self, record_logout_request::Target},
    },
};

/// The bytes before every message: whether it is compressed, and its length.
pub(super) const FRAME_HEADER: usize = 5;

/// A request for a token, ready to go.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The framed message.
    pub(super) body: Bytes,
    subject: Option<String>,
}

impl Prepared {
    fn of(token: Token) -> Self {
        let request = pb::ValidateTokenRequest { token: token.text, ..Default::default() };
        Self { body: frame(&request), subject: token.subject }
    }
}

/// A message as gRPC frames it.
pub(super) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(FRAME_HEADER + length);
    bytes.put_u8(0);
    // No message here comes near 4 GiB.
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    bytes.put_slice(&message.encode_to_vec());
    bytes.freeze()
}

/// Appends a framed request of a stream: the request id, and a request for a token that is framed already.
pub(super) fn frame_of_stream(bytes: &mut BytesMut, request_id: &str, request: &[u8]) {
    use prost::encoding::{self, WireType};
    let request = request.get(FRAME_HEADER..).unwrap_or_default();
    let length = |bytes: &[u8]| 1 + encoding::encoded_len_varint(bytes.len() as u64) + bytes.len();
    let whole = length(request_id.as_bytes()) + length(request);
    bytes.reserve(FRAME_HEADER + whole);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(whole).unwrap_or(u32::MAX));
    for (field, content) in [(1, request_id.as_bytes()), (2, request)] {
        encoding::encode_key(field, WireType::LengthDelimited, bytes);
        encoding::encode_varint(content.len() as u64, bytes);
        bytes.put_slice(content);
    }
}

/// The heads of the requests, but for what is the same in all.
#[derive(Debug)]
pub(super) struct Heads {
    validate: Request<()>,
    record: Request<()>,
    last: Request<()>,
    /// Of `ValidateTokens`.
    pub(super) stream: Request<()>,
}

impl Heads {
    pub(super) fn new(authority: &uri::Authority, raw: Option<&str>) -> Result<Self, Failure> {
        let head = |path: &str| {
            let uri = Uri::builder().scheme("http").authority(authority.clone()).path_and_query(path).build()?;
            let mut head = Request::new(());
            (*head.method_mut(), *head.uri_mut(), *head.version_mut()) = (Method::POST, uri, Version::HTTP_2);
            *head.headers_mut() = HeaderMap::from_iter([
                (header::CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
                (header::TE, HeaderValue::from_static("trailers")),
            ]);
            Ok::<_, Failure>(head)
        };
        let own = |method: &str| head(&format!("/{SERVICE_NAME}/{method}"));
        Ok(Self {
            validate: raw.map_or_else(|| own("ValidateToken"), head)?,
            record: own("RecordLogout")?,
            last: own("GetLastLogout")?,
            stream: own("ValidateTokens")?,
        })
    }
}

/// What a call is about, and so what its answer must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    /// A token of this subject.
    Token(Option<&'a str>),
    /// A logout of this subject, which has this number among the invented ones.
    Logout(String, u64),
    /// The last logout of a subject; whether there was one.
    LastLogout(bool),
    /// Another method.
    Raw,
}

/// One call, ready to go.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) kind: Kind,
    pub(super) head: &'a Request<()>,
    pub(super) body: Bytes,
    pub(super) asked: Asked<'a>,
}

/// Everything that is sent, shared by all lanes.
pub(super) struct Inputs {
    pub(super) known: Vec<Prepared>,
    pub(super) fresh: Vec<Prepared>,
    pub(super) heads: Heads,
    issuer: String,
    /// Before the number of every invented subject; of this run alone.
    prefix: String,
    raw: bool,
    next_fresh: AtomicUsize,
    next_logout: AtomicU64,
}

impl Inputs {
    pub(super) fn new(
        known: Vec<Token>,
        fresh: Vec<Token>,
        heads: Heads,
        issuer: String,
        raw: bool,
    ) -> Result<Self, Failure> {
        let run = getrandom::u32()?;
        Ok(Self {
            known: known.into_iter().map(Prepared::of).collect(),
            fresh: fresh.into_iter().map(Prepared::of).collect(),
            heads,
            issuer,
            prefix: format!("curfew-bench-{run:08x}-"),
            raw,
            next_fresh: AtomicUsize::new(0),
            next_logout: AtomicU64::new(0),
        })
    }

    /// How often the fresh tokens were sent all over again.
    pub(super) fn repeated(&self) -> usize {
        self.next_fresh.load(Ordering::Relaxed).saturating_sub(1).checked_div(self.fresh.len()).unwrap_or_default()
    }
}

/// What one lane sends, call by call.
pub(super) struct Source<'a> {
    inputs: &'a Inputs,
    mix: Mix,
    cursor: usize,
    /// The invented subject whose logout was acknowledged to this lane.
    pub(super) recorded: Option<u64>,
}

impl<'a> Source<'a> {
    /// For a lane. Each begins at another token.
    pub(super) fn new(inputs: &'a Inputs, plan: &Plan, lane: usize) -> Self {
        let cursor = (lane.saturating_mul(inputs.known.len())).checked_div(plan.concurrency).unwrap_or_default();
        Self { inputs, mix: Mix::new(plan.shares, lane), cursor, recorded: None }
    }

    /// The next call. None only where there are no tokens, which is checked before the run.
    pub(super) fn next(&mut self) -> Option<Call<'a>> {
        let inputs = self.inputs;
        match self.mix.next() {
            Kind::Logout => Some(self.logout()),
            Kind::LastLogout => Some(self.last_logout()),
            Kind::Fresh => {
                let turn = inputs.next_fresh.fetch_add(1, Ordering::Relaxed);
                self.token(Kind::Fresh, inputs.fresh.get(turn.checked_rem(inputs.fresh.len())?)?)
            }
            kind => {
                let prepared = self.known()?;
                self.token(kind, prepared)
            }
        }
    }

    fn known(&mut self) -> Option<&'a Prepared> {
        let prepared = self.inputs.known.get(self.cursor)?;
        self.cursor = (self.cursor + 1).checked_rem(self.inputs.known.len())?;
        Some(prepared)
    }

    fn token(&self, kind: Kind, prepared: &'a Prepared) -> Option<Call<'a>> {
        let asked = if self.inputs.raw { Asked::Raw } else { Asked::Token(prepared.subject.as_deref()) };
        Some(Call { kind, head: &self.inputs.heads.validate, body: prepared.body.clone(), asked })
    }

    fn logout(&self) -> Call<'a> {
        let number = self.inputs.next_logout.fetch_add(1, Ordering::Relaxed);
        let subject = format!("{}{number}", self.inputs.prefix);
        let target = pb::Subject { issuer: self.inputs.issuer.clone(), subject: subject.clone(), ..Default::default() };
        let request = pb::RecordLogoutRequest {
            target: Some(Target::Subject(target)),
            reason: pb::LogoutReason::UserLogout.into(),
            ..Default::default()
        };
        Call {
            kind: Kind::Logout,
            head: &self.inputs.heads.record,
            body: frame(&request),
            asked: Asked::Logout(subject, number),
        }
    }

    fn last_logout(&mut self) -> Call<'a> {
        let (subject, known) = match self.recorded {
            Some(number) => (format!("{}{number}", self.inputs.prefix), true),
            None => {
                let subject = self.known().and_then(|prepared| prepared.subject.clone());
                (subject.unwrap_or_else(|| format!("{}none", self.inputs.prefix)), false)
            }
        };
        let request = pb::GetLastLogoutRequest { issuer: self.inputs.issuer.clone(), subject, ..Default::default() };
        Call {
            kind: Kind::LastLogout,
            head: &self.inputs.heads.last,
            body: frame(&request),
            asked: Asked::LastLogout(known),
        }
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
