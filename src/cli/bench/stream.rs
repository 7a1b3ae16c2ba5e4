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
    brief::StreamAnswer,
    lane::{Lost, Scene},
    plan::Kind,
    requests::{Asked, Source, frame_of_stream},
    tally::{Tally, open},
    wire::{Fault, next_message},
};

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
    /// The most that was sent in one piece.
    most: usize,
}

impl<'a> Scene<'a> {
    /// The stream of a connection, to its good end.
    pub(super) async fn as_stream(&'a self, connection: usize, send: &mut SendRequest<Bytes>) -> Result<(), Lost> {
        let (response, outgoing) = self.open_stream(send).await.map_err(|fault| lost(&fault))?;
        let slots = self.plan.lanes(connection).enumerate();
        let slots: Vec<Slot<'_>> = slots.map(|(number, _)| Slot { id: number.to_string(), open: None }).collect();
        let free = (0..slots.len()).rev().collect();
        let source = Source::new(self.inputs, self.plan, connection);
        let mut talk = Talk { scene: self, source, outgoing, slots, free, chunk: BytesMut::new(), most: 0 };
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
            if let Some(fault) = self.take_all(&mut bytes) {
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
        let mut tally = open(self.scene.tally);
        // What was sent is free again by now.
        self.chunk.reserve(self.most);
        while let Some(number) = self.free.pop() {
            let (Some(slot), Some(call)) = (self.slots.get_mut(number), self.source.next()) else { break };
            frame_of_stream(&mut self.chunk, &slot.id, &call.body);
            let kind = if call.kind == Kind::Validate { Kind::Stream } else { call.kind };
            let subject = if let Asked::Token(subject) = call.asked { subject } else { None };
            slot.open = Some(Open { kind, subject, begun, counts });
            if counts {
                tally.begin(kind);
            }
        }
        drop(tally);
        self.most = self.most.max(self.chunk.len());
        if self.chunk.is_empty() { Ok(()) } else { self.outgoing.send_data(self.chunk.split().freeze(), false) }
    }

    /// Takes the answers that were read together, which were all there by now. Some: they are not what was asked for.
    fn take_all(&mut self, bytes: &mut BytesMut) -> Option<Failed> {
        let (now, mut tally) = (Instant::now(), open(self.scene.tally));
        while let Some(message) = next_message(bytes) {
            match message.map(StreamAnswer::decode) {
                Ok(Ok(answer)) => {
                    if !self.take(answer, now, &mut tally) {
                        return Some(Failed::of("UNASKED", "an answer to no open request".to_owned()));
                    }
                }
                Ok(Err(error)) => return Some(Failed::of("UNREADABLE", error.to_string())),
                Err(what) => return Some(Failed::of("UNREADABLE", what.to_owned())),
            }
        }
        None
    }

    /// Takes an answer that was there by `now`. False: no request with its id is open.
    fn take(&mut self, answer: StreamAnswer, now: Instant, tally: &mut Tally) -> bool {
        let number = answer.number().unwrap_or(usize::MAX);
        let Some(asked) = self.slots.get_mut(number).and_then(|slot| slot.open.take()) else { return false };
        self.free.push(number);
        asked.count(now, &outcome(asked.subject, answer.outcome, self.scene.wanted()), tally);
        true
    }

    /// Whatever is not answered yet will not be.
    fn give_up(&mut self, failed: &Failed) {
        let (now, answer) = (Instant::now(), Answer::Failed(failed.clone()));
        let mut tally = open(self.scene.tally);
        let asked = self.slots.iter_mut().filter_map(|slot| slot.open.take());
        asked.for_each(|asked| asked.count(now, &answer, &mut tally));
    }
}

impl Open<'_> {
    fn count(&self, now: Instant, answer: &Answer, tally: &mut Tally) {
        if self.counts {
            tally.end(self.kind, now.saturating_duration_since(self.begun), answer);
        }
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
