//! `ValidateTokens`: one stream on a connection, always so many requests ahead of their answers.

use std::{
    future::poll_fn,
    task::{Context, Poll},
    time::Instant,
};

use h2::{
    RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
};
use prost::{
    Message,
    bytes::{Bytes, BytesMut},
};

use super::{
    answer::{Answer, Failed, failure, outcome},
    lane::{Lost, Scene},
    plan::Kind,
    requests::{Asked, Source, frame_of_stream},
    tally::open,
    wire::{Fault, next_message},
};
use crate::transport::grpc::pb;

/// A request that is not answered yet.
struct Open<'a> {
    kind: Kind,
    subject: Option<&'a str>,
    begun: Instant,
    counts: bool,
}

/// A place for one request at a time. Its number is the request's id.
struct Slot<'a> {
    id: String,
    open: Option<Open<'a>>,
}

/// A stream and what is under way on it.
struct Talk<'a> {
    scene: &'a Scene<'a>,
    source: Source<'a>,
    outgoing: SendStream<Bytes>,
    slots: Vec<Slot<'a>>,
    free: Vec<usize>,
    chunk: BytesMut,
}

impl<'a> Scene<'a> {
    /// The stream of a connection, to its good end.
    pub(super) async fn as_stream(&'a self, connection: usize, send: &mut SendRequest<Bytes>) -> Result<(), Lost> {
        let (response, outgoing) = self.open_stream(send).await.map_err(|fault| lost(&fault))?;
        let slots = self.plan.lanes(connection).enumerate();
        let slots: Vec<Slot<'_>> = slots.map(|(number, _)| Slot { id: number.to_string(), open: None }).collect();
        let free = (0..slots.len()).rev().collect();
        let source = Source::new(self.inputs, self.plan, connection);
        let mut talk = Talk { scene: self, source, outgoing, slots, free, chunk: BytesMut::new() };
        match talk.run(response).await {
            Ok(None) => Ok(()),
            Ok(Some(failed)) => {
                talk.give_up(&failed);
                Err(Lost(format!("the stream ended: {} {}", failed.code, failed.message)))
            }
            Err(fault) => {
                let (code, why) = match &fault {
                    Fault::Reset(why) => ("RESET", why),
                    Fault::Lost(why) => ("CONNECTION_LOST", why),
                };
                talk.give_up(&Failed::of(code, why.clone()));
                Err(lost(&fault))
            }
        }
    }

    async fn open_stream(&self, send: &mut SendRequest<Bytes>) -> Result<(ResponseFuture, SendStream<Bytes>), Fault> {
        poll_fn(|cx| send.poll_ready(cx)).await?;
        Ok(send.send_request(self.inputs.heads.stream.clone(), false)?)
    }
}

fn lost(fault: &Fault) -> Lost {
    let (Fault::Reset(why) | Fault::Lost(why)) = fault;
    Lost(why.clone())
}

impl Talk<'_> {
    /// Sends and reads until the window ends and every request is answered, or until the service ends the stream, for this
    /// reason.
    async fn run(&mut self, response: ResponseFuture) -> Result<Option<Failed>, Fault> {
        self.fill()?;
        let (parts, mut incoming) = response.await?.into_parts();
        let mut bytes = BytesMut::new();
        while self.free.len() < self.slots.len() {
            let ended = poll_fn(|cx| read(&mut incoming, &mut bytes, cx)).await?;
            while let Some(message) = next_message(&mut bytes) {
                let fault = match message.map(pb::ValidateTokensResponse::decode) {
                    Ok(Ok(answer)) => {
                        if self.take(answer) {
                            continue;
                        }
                        Failed::of("UNASKED", "an answer to no open request".to_owned())
                    }
                    Ok(Err(error)) => Failed::of("UNREADABLE", error.to_string()),
                    Err(what) => Failed::of("UNREADABLE", what.to_owned()),
                };
                return Ok(Some(fault));
            }
            if ended {
                let trailers = poll_fn(|cx| incoming.poll_trailers(cx)).await?;
                let early = || Failed::of("STREAM_ENDED", "the service ended it before its time".to_owned());
                return Ok(Some(failure(parts.status, &parts.headers, trailers.as_ref()).unwrap_or_else(early)));
            }
            self.fill()?;
        }
        self.outgoing.send_data(Bytes::new(), true)?;
        Ok(None)
    }

    /// Sends a request for every free slot, all in one piece.
    fn fill(&mut self) -> Result<(), h2::Error> {
        let begun = Instant::now();
        if begun >= self.scene.window.end {
            return Ok(());
        }
        let counts = self.scene.window.counts(begun);
        while let Some(number) = self.free.pop() {
            let (Some(slot), Some(call)) = (self.slots.get_mut(number), self.source.next()) else { break };
            frame_of_stream(&mut self.chunk, &slot.id, &call.body);
            let kind = if call.kind == Kind::Validate { Kind::Stream } else { call.kind };
            let subject = if let Asked::Token(subject) = call.asked { subject } else { None };
            slot.open = Some(Open { kind, subject, begun, counts });
            if counts {
                open(self.scene.tally).begin(kind);
            }
        }
        if self.chunk.is_empty() { Ok(()) } else { self.outgoing.send_data(self.chunk.split().freeze(), false) }
    }

    /// Takes an answer. False: no request with its id is open.
    fn take(&mut self, answer: pb::ValidateTokensResponse) -> bool {
        let number = answer.request_id.parse().unwrap_or(usize::MAX);
        let Some(asked) = self.slots.get_mut(number).and_then(|slot| slot.open.take()) else { return false };
        self.free.push(number);
        let answer = outcome(asked.subject, answer, self.scene.wanted());
        self.count(&asked, &answer);
        true
    }

    fn count(&self, asked: &Open<'_>, answer: &Answer) {
        if asked.counts {
            open(self.scene.tally).end(asked.kind, asked.begun.elapsed(), answer);
        }
    }

    /// Whatever is not answered yet will not be.
    fn give_up(&mut self, failed: &Failed) {
        let answer = Answer::Failed(failed.clone());
        let open: Vec<Open<'_>> = self.slots.iter_mut().filter_map(|slot| slot.open.take()).collect();
        open.iter().for_each(|asked| self.count(asked, &answer));
    }
}

/// Reads everything that is there, and waits only if there is nothing. True: nothing more will come.
fn read(incoming: &mut RecvStream, bytes: &mut BytesMut, cx: &mut Context<'_>) -> Poll<Result<bool, h2::Error>> {
    let mut some = false;
    loop {
        match incoming.poll_data(cx)? {
            Poll::Ready(Some(chunk)) => {
                incoming.flow_control().release_capacity(chunk.len())?;
                bytes.extend_from_slice(&chunk);
                some = true;
            }
            Poll::Ready(None) => return Poll::Ready(Ok(true)),
            Poll::Pending if some => return Poll::Ready(Ok(false)),
            Poll::Pending => return Poll::Pending,
        }
    }
}
