//! Runs the load: threads that have a runtime of their own each, connections on them, and somebody who watches.

use std::{
    io::{self, IsTerminal},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use h2::client::SendRequest;
use http::uri::Authority;
use prost::bytes::Bytes;
use tokio::{
    runtime,
    sync::{mpsc, watch},
};
use tokio_util::task::TaskTracker;

use super::{
    lane::{Lost, Scene, Schedule},
    live::Live,
    plan::{Plan, Window},
    requests::Inputs,
    tally::{Shared, Tally, open},
    wire::connect,
};
use crate::cli::Failure;

/// How often a connection that was lost is made again, and how long the first pause before that is. Each is twice as long as
/// the one before: three seconds in all.
const MOST_RECONNECTIONS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// How long connections may take to end in good order. Nothing depends on it.
const FAREWELL: Duration = Duration::from_millis(200);

/// Everything that a run needs.
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) inputs: Inputs,
    pub(super) authority: Authority,
    /// What to say if nobody answers at the start.
    pub(super) nobody: String,
}

/// That a thread is ready to start, or why it cannot go on.
type News = Result<(), String>;

/// Makes the load, and counts what comes of it.
pub(super) async fn go(run: Arc<Run>) -> Result<Tally, Failure> {
    let watched = io::stderr().is_terminal();
    let (tell, mut news) = mpsc::channel::<News>(2 * run.plan.threads);
    let (start, started) = watch::channel(None);
    let mut tallies: Vec<Shared> = Vec::new();
    for number in 0..run.plan.threads {
        let tally = Arc::new(Mutex::new(Tally::new(watched)?));
        tallies.push(Arc::clone(&tally));
        let worker = Worker { run: Arc::clone(&run), number, tally, tell: tell.clone(), started: started.clone() };
        drop(thread::Builder::new().name(format!("load-{number}")).spawn(move || worker.work())?);
    }
    drop(tell);
    for _ in 0..run.plan.threads {
        news.recv().await.ok_or("a thread that makes load ended before it began")?.map_err(Failure)?;
    }
    let window = run.plan.window()?;
    start.send(Some(window))?;
    let mut live = Live::new(watched, window)?;
    loop {
        tokio::select! {
            told = news.recv() => match told {
                Some(outcome) => outcome.map_err(Failure)?,
                // Every thread is done.
                None => break,
            },
            () = live.second(), if watched => live.show(&tallies),
        }
    }
    live.clear();
    let mut sum = Tally::new(false)?;
    for tally in &tallies {
        let mut tally = open(tally).clone();
        tally.close();
        sum.add(tally);
    }
    Ok(sum)
}

/// A thread that makes load.
struct Worker {
    run: Arc<Run>,
    number: usize,
    tally: Shared,
    tell: mpsc::Sender<News>,
    started: watch::Receiver<Option<Window>>,
}

impl Worker {
    fn work(self) {
        let outcome = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(self.load()),
            Err(error) => Err(format!("no runtime: {error}")),
        };
        if outcome.is_err() {
            // There is room for it; nobody may be listening any more.
            self.tell.try_send(outcome).unwrap_or_default();
        }
    }

    async fn load(&self) -> News {
        let tasks = TaskTracker::new();
        let mut connections = Vec::new();
        for number in self.run.plan.connections_of(self.number) {
            let send = connect(&self.run.authority, self.run.plan.timeout, &tasks).await;
            connections.push((number, send.map_err(|error| format!("{} ({error})", self.run.nobody))?));
        }
        self.tell.try_send(Ok(())).unwrap_or_default();
        let mut started = self.started.clone();
        // Fails only where the run ends before it begins.
        let Some(window) = started.wait_for(Option::is_some).await.ok().and_then(|window| *window) else {
            return Ok(());
        };
        let scene = Scene { plan: &self.run.plan, inputs: &self.run.inputs, window, tally: &self.tally };
        let all = async {
            let talks = connections.into_iter().map(|(number, send)| self.connection(&scene, &tasks, number, send));
            let mut talks: FuturesUnordered<_> = talks.collect();
            while let Some(ended) = talks.next().await {
                ended?;
            }
            Ok(())
        };
        // What is not answered by then is counted as such.
        let outcome = tokio::time::timeout_at(window.cut.into(), all).await.unwrap_or(Ok(()));
        tasks.close();
        tokio::time::timeout(FAREWELL, tasks.wait()).await.unwrap_or_default();
        outcome
    }

    async fn connection(
        &self,
        scene: &Scene<'_>,
        tasks: &TaskTracker,
        number: usize,
        mut send: SendRequest<Bytes>,
    ) -> News {
        let mut lost = 0;
        // Calls that fall due while there is no connection are late, not forgotten.
        let mut schedule = scene.plan.rate.map(|rate| Schedule::new(scene.plan, rate, number, Instant::now()));
        loop {
            let outcome = match &mut schedule {
                Some(schedule) => scene.as_due(number, &send, schedule).await,
                None if scene.plan.stream => scene.as_stream(number, &mut send).await,
                None => scene.as_answered(number, &send).await,
            };
            match outcome {
                Ok(()) => return Ok(()),
                Err(_) if Instant::now() >= scene.window.end => return Ok(()),
                Err(Lost(why)) => send = self.again(&mut lost, &why, tasks).await?,
            }
            open(&self.tally).reconnections += 1;
        }
    }

    /// Connects again after a loss.
    async fn again(&self, lost: &mut u32, why: &str, tasks: &TaskTracker) -> Result<SendRequest<Bytes>, String> {
        let mut last = "it was lost again each time".to_owned();
        while *lost < MOST_RECONNECTIONS {
            tokio::time::sleep(PAUSE.saturating_mul(1 << *lost)).await;
            *lost += 1;
            match connect(&self.run.authority, self.run.plan.timeout, tasks).await {
                Ok(send) => return Ok(send),
                Err(error) => last = error.to_string(),
            }
        }
        Err(format!(
            "the connection to {} was lost ({why}) and could not be made again in {MOST_RECONNECTIONS} attempts: {last}",
            self.run.authority
        ))
    }
}
