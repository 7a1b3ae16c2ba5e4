//! The embedded store and its files: who may open them, what is really synced, and what happens when the disk is full.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use curfew::{
    domain::{Instants, When},
    store::{FORMAT, OpenError, SledStore, Status, Store, StoreError},
    transport::grpc::pb,
};
use tempfile::TempDir;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt;

use crate::support::{Setup, at, curfew, logout, logout_of, subject};

fn open_error(directory: &Path) -> OpenError {
    SledStore::open(directory).err().expect("it must not open")
}

#[tokio::test]
async fn a_store_that_is_open_elsewhere_says_so() {
    let directory = TempDir::new().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    let error = open_error(directory.path());
    assert!(matches!(error, OpenError::InUse(_)), "{error:?}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    store.close().await.unwrap();
    SledStore::open(directory.path()).unwrap().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_store_ends_with_a_sentence() {
    let server = Setup::new().start();
    let config = server.directory.path().join("curfew.toml");
    let (code, out, err) = curfew(&["serve", "--config", config.to_str().unwrap()], "");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("in use by another process") && err.contains("[store] path"), "{err}");
}

#[tokio::test]
async fn a_store_of_a_newer_format_is_left_alone() {
    let directory = TempDir::new().unwrap();
    SledStore::open(directory.path()).unwrap().close().await.unwrap();
    let newer = FORMAT + 1;
    let db = sled::open(directory.path()).unwrap();
    db.insert(b"\0format", &[newer]).unwrap();
    drop(db);
    let error = open_error(directory.path());
    assert!(matches!(error, OpenError::Newer { found, .. } if found == newer), "{error:?}");
    assert!(error.to_string().contains(&format!("format {newer}")), "{error}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_keeps_the_store_shut() {
    let directory = TempDir::new().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    store.record(logout(&subject("ann"), When::Now, at(0))).await.unwrap();
    store.close().await.unwrap();
    let db = sled::open(directory.path()).unwrap();
    let key = curfew::store::encode_scope(&subject("ann"));
    db.insert(key.as_slice(), &[FORMAT + 1, 1, 2]).unwrap();
    drop(db);
    let error = open_error(directory.path());
    assert!(matches!(error, OpenError::Newer { found, .. } if found == FORMAT + 1), "{error:?}");
    let db = sled::open(directory.path()).unwrap();
    db.insert(key, &[FORMAT, 0xff]).unwrap();
    drop(db);
    let error = open_error(directory.path());
    assert!(error.to_string().contains("a record is damaged"), "{error}");
}

#[test]
fn somebody_else_s_database_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let db = sled::open(directory.path()).unwrap();
    db.insert(b"theirs", b"1").unwrap();
    drop(db);
    let error = open_error(directory.path());
    assert!(matches!(error, OpenError::Foreign(_)), "{error:?}");
}

/// A store with a few logouts in it, closed, and then damaged.
async fn damaged(damage: impl Fn(&Path)) -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    for number in 0..100 {
        store.record(logout(&subject(&format!("user-{number}")), When::Now, at(0))).await.unwrap();
    }
    store.close().await.unwrap();
    damage(directory.path());
    let error = open_error(directory.path()).to_string();
    (directory, error)
}

#[tokio::test]
async fn a_damaged_store_never_opens_as_an_empty_or_an_older_one() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("emptied", |path| fs::write(path.join("db"), "").unwrap()),
        ("rubbish", |path| fs::write(path.join("db"), vec![0x5a; 4 << 20]).unwrap()),
        ("removed", |path| fs::remove_file(path.join("db")).unwrap()),
        ("zeroed", |path| {
            let length = usize::try_from(fs::metadata(path.join("db")).unwrap().len()).unwrap();
            fs::write(path.join("db"), vec![0; length]).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let (_directory, error) = damaged(damage).await;
        assert!(error.contains("damaged") && error.contains("backup"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_snapshot_that_was_never_finished_is_not_taken_for_damage() {
    let directory = TempDir::new().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    store.record(logout(&subject("ann"), When::Now, at(0))).await.unwrap();
    let unfinished = directory.path().join("snap.7FFFFFFFFFFFFFFF.generating");
    fs::write(&unfinished, "").unwrap();
    // It may be under way.
    assert!(matches!(open_error(directory.path()), OpenError::InUse(_)));
    assert!(unfinished.exists());
    store.close().await.unwrap();
    for content in [&b""[..], &[0x5a; 4096]] {
        fs::write(&unfinished, content).unwrap();
        let store = SledStore::open(directory.path()).unwrap();
        assert!(store.get(&subject("ann")).unwrap().is_some());
        assert!(!unfinished.exists());
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_older_copy_of_the_database_does_not_open_under_a_newer_watermark() {
    let directory = TempDir::new().unwrap();
    let copy = TempDir::new().unwrap();
    for (round, keep) in [(0, true), (1, false)] {
        let store = SledStore::open(directory.path()).unwrap();
        store.record(logout(&subject(&format!("user-{round}")), When::Now, at(0))).await.unwrap();
        store.close().await.unwrap();
        if keep {
            let copied = Command::new("cp").arg("-r").arg(directory.path()).arg(copy.path().join("old")).status();
            assert!(copied.unwrap().success());
        }
    }
    let old = copy.path().join("old");
    fs::copy(directory.path().join("watermark"), old.join("watermark")).unwrap();
    let error = open_error(&old).to_string();
    assert!(error.contains("ends at revision 1, but had reached 2"), "{error}");
    // Whoever accepts the loss can go on.
    fs::remove_file(old.join("watermark")).unwrap();
    SledStore::open(&old).unwrap().close().await.unwrap();
}

#[tokio::test]
async fn nothing_is_acknowledged_into_files_that_were_removed() {
    let parent = TempDir::new().unwrap();
    let (directory, moved) = (parent.path().join("store"), parent.path().join("moved"));
    let store = SledStore::open(&directory).unwrap();
    store.record(logout(&subject("ann"), When::Now, at(0))).await.unwrap();
    fs::rename(&directory, &moved).unwrap();
    let refused = store.record(logout(&subject("bob"), When::Now, at(0))).await;
    assert!(
        matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("removed or replaced")),
        "{refused:?}"
    );
    assert!(matches!(*store.status().borrow(), Status::Broken(_)));
    store.close().await.unwrap();
    let store = SledStore::open(&moved).unwrap();
    assert!(store.get(&subject("ann")).unwrap().is_some());
    store.close().await.unwrap();
}

/// Watches the system calls of a process until it is dropped.
struct Strace {
    child: Child,
    /// What is written as it goes.
    lines: BufReader<ChildStderr>,
}

impl Strace {
    fn attach(process: u32) -> Self {
        let calls = "trace=pwrite64,sync_file_range,fdatasync,fsync,writev,write,sendto,sendmsg";
        let mut child = Command::new("strace")
            .args(["-f", "-y", "-e", calls, "-p", &process.to_string()])
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is needed; tests/setup installs it");
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("attached") {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "strace could not attach");
        }
        Self { child, lines }
    }

    /// Everything up to the line that is wanted.
    fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut seen = Vec::new();
        let mut line = String::new();
        while seen.last().is_none_or(|line: &String| !wanted(line)) {
            line.clear();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "strace ended:\n{}", seen.concat());
            seen.push(line.clone());
        }
        seen
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_answered_after_fdatasync_of_the_database_and_not_before() {
    let server = Setup::new().start();
    let mut client = server.client().await;
    // The first on a new connection and a new database, which have other things to do.
    client.record_logout(logout_of("ann")).await.unwrap();
    let mut strace = Strace::attach(server.id());
    client.record_logout(logout_of("bob")).await.unwrap();
    let to_client = |line: &str| line.contains("TCP:") || line.contains("socket:");
    let of_database = |line: &str, call: &str| line.contains(call) && line.contains("/store/db>");
    let seen = tokio::task::spawn_blocking(move || {
        // The answer to the call that is traced is the first thing that is sent after something was written.
        let mut seen = strace.until(|line| of_database(line, "pwrite64("));
        seen.extend(strace.until(to_client));
        seen
    });
    let seen = tokio::time::timeout(Duration::from_secs(10), seen).await.expect("nothing was sent").unwrap();
    let synced = seen.iter().position(|line| of_database(line, "fdatasync("));
    let written = seen.iter().position(|line| of_database(line, "pwrite64(")).unwrap();
    assert!(synced.is_some_and(|synced| synced > written && synced + 1 < seen.len()), "in:\n{}", seen.concat());
}

/// A file system of a few MiB, unmounted when dropped.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// None where this process may not mount anything.
    fn mount(megabytes: u32) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(directory.path()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(directory))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("store")
    }

    /// Takes all the room that is left, but for a little.
    pub(crate) fn fill(&self) {
        use std::io::Write;
        let mut file = fs::File::create(self.0.path().join("ballast")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    /// The same, and then leaves so many bytes.
    pub(crate) fn fill_but(&self, bytes: u64) {
        self.fill();
        let ballast = fs::File::options().write(true).open(self.0.path().join("ballast")).unwrap();
        ballast.set_len(ballast.metadata().unwrap().len() - bytes).unwrap();
    }

    pub(crate) fn free(&self) {
        fs::remove_file(self.0.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

pub(crate) fn small_disk() -> Option<SmallDisk> {
    let disk = SmallDisk::mount(24);
    #[allow(clippy::disallowed_methods, reason = "whether this is CI")]
    let must = std::env::var_os("CI").is_some();
    assert!(disk.is_some() || !must, "CI must be able to mount a small file system");
    if disk.is_none() {
        println!("NOT RUN: a small file system cannot be mounted here; run the tests as root");
    }
    disk
}

async fn health(url: &str, service: &str) -> ServingStatus {
    let channel = tonic::transport::Endpoint::from_shared(url.to_owned()).unwrap().connect().await.unwrap();
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(channel).check(request).await.unwrap().into_inner().status()
}

/// Waits until health says so.
async fn until_health_is(url: &str, service: &str, wanted: ServingStatus) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while health(url, service).await != wanted {
        assert!(Instant::now() < deadline, "health never became {wanted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_unavailable_and_nothing_acknowledged_is_lost() {
    let Some(disk) = small_disk() else { return };
    let server = Setup::new().store(&disk.path()).start();
    let mut client = server.client().await;
    // Issued before its user's logout, however long it takes until the disk is full.
    let token = server.token("user-0");
    disk.fill();
    let mut acknowledged = Vec::new();
    let refused = loop {
        let name = format!("user-{}", acknowledged.len());
        match client.record_logout(logout_of(&name)).await {
            Ok(_) => acknowledged.push(name),
            Err(status) => break status,
        }
        assert!(acknowledged.len() < 200_000, "the disk never became full");
    };
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("STORE_UNAVAILABLE"));
    assert!(details.retry_info().is_some());
    let service = curfew::transport::grpc::SERVICE_NAME;
    until_health_is(&server.url, service, ServingStatus::NotServing).await;
    assert_eq!(health(&server.url, "").await, ServingStatus::Serving);
    // Failing closed: whatever is asked meanwhile, no token of a logged-out user is honoured.
    let request = pb::ValidateTokenRequest { token, ..Default::default() };
    if !acknowledged.is_empty()
        && let Ok(answer) = client.validate_token(request).await
    {
        assert!(!answer.into_inner().valid);
    }

    disk.free();
    until_health_is(&server.url, service, ServingStatus::Serving).await;
    for name in &acknowledged {
        let request = pb::GetLastLogoutRequest { subject: name.clone(), ..Default::default() };
        let found = client.get_last_logout(request).await.unwrap().into_inner();
        assert!(found.last_logout_time.is_some(), "{name} was acknowledged and is lost");
    }
    client.record_logout(logout_of("after")).await.unwrap();
    println!("full disk: {} logouts were acknowledged before it was full; none lost", acknowledged.len());
}

#[tokio::test]
async fn a_database_that_comes_back_without_what_was_acknowledged_is_not_written_again() {
    let Some(disk) = small_disk() else { return };
    let (directory, older) = (disk.path(), disk.path().with_extension("older"));
    let store = SledStore::open(&directory).unwrap();
    store.record(logout(&subject("ann"), When::Now, at(0))).await.unwrap();
    store.close().await.unwrap();
    assert!(Command::new("cp").arg("-r").arg(&directory).arg(&older).status().unwrap().success());
    let store = SledStore::open(&directory).unwrap();
    store.record(logout(&subject("bob"), When::Now, at(0))).await.unwrap();
    disk.fill();
    let mut number = 0;
    while store.record(logout(&subject(&format!("user-{number}")), When::Now, at(0))).await.is_ok() {
        number += 1;
        assert!(number < 200_000, "the disk never became full");
    }
    // Before it is opened anew, an older state takes its place: the watermark there is older too.
    fs::rename(&directory, directory.with_extension("gone")).unwrap();
    fs::rename(&older, &directory).unwrap();
    disk.free();
    let mut status = store.status();
    let settled = status.wait_for(|status| !matches!(status, Status::Failed(_)));
    let settled =
        tokio::time::timeout(Duration::from_secs(20), settled).await.expect("it stays failed").unwrap().clone();
    assert!(matches!(&settled, Status::Broken(why) if why.contains("acknowledged")), "{settled:?}");
    let refused = store.record(logout(&subject("cid"), When::Now, at(0))).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(matches!(store.get(&subject("bob")), Err(StoreError::Unavailable(_))));
    // Checks go on by what was acknowledged.
    assert_ne!(store.view().look_up([Some(store.view().fingerprint(&subject("bob")))]), [Instants::default()]);
    store.close().await.unwrap();
    // Nor does a restart pass over it.
    assert!(open_error(&directory).to_string().contains("had reached"));
}

#[tokio::test]
async fn a_start_reads_every_one_of_many_logouts() {
    let directory = TempDir::new().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    // Most of them near one end of the keys, so that the threads that read towards each other do not meet in the middle.
    let name = |number: usize| if number < 6_000 { format!("a{number:05}") } else { format!("z{number}") };
    for batch in (0..8_000).collect::<Vec<_>>().chunks(2_000) {
        let logouts = batch.iter().map(|number| logout(&subject(&name(*number)), When::Now, at(7))).collect();
        assert!(store.record_together(logouts).await.iter().all(Result::is_ok));
    }
    store.close().await.unwrap();
    let again = SledStore::open(directory.path()).unwrap();
    let view = again.view();
    assert_eq!((view.len(), again.revision().0), (8_000, 8_000));
    for number in 0..8_000 {
        let [found] = view.look_up([Some(view.fingerprint(&subject(&name(number))))]);
        assert_eq!(found, Instants { live: Some(at(7)), ..Instants::default() }, "{number}");
    }
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_revision_is_not_used_again_though_its_record_was_forgotten_and_the_process_killed() {
    let directory = TempDir::new().unwrap();
    let (ours, copy) = (directory.path().join("store"), directory.path().join("copy"));
    let store = SledStore::open(&ours).unwrap();
    store.record(logout(&subject("ann"), When::Now, at(0))).await.unwrap();
    let last = store.record(logout(&subject("bob"), When::Now, at(0))).await.unwrap().record.revision;
    let of_bob = std::sync::Arc::new(|scope: &curfew::domain::Scope, _: &_| *scope == subject("bob"));
    assert_eq!(store.forget(of_bob).await, Ok(1));
    // As a kill would leave it; and without the watermark, which lags behind in any case.
    assert!(Command::new("cp").arg("-r").arg(&ours).arg(&copy).status().unwrap().success());
    fs::remove_file(copy.join("watermark")).unwrap();
    store.close().await.unwrap();
    let again = SledStore::open(&copy).unwrap();
    assert_eq!(again.get(&subject("bob")), Ok(None));
    assert_eq!(again.revision(), last);
    again.close().await.unwrap();
}

#[tokio::test]
async fn too_much_waiting_is_refused_at_once() {
    let directory = TempDir::new().unwrap();
    let store: Arc<dyn Store> = Arc::new(SledStore::open(directory.path()).unwrap());
    // Asked faster than any disk can write; none is awaited until all are asked.
    let asked: Vec<_> =
        (0..60_000).map(|n| store.record(logout(&subject(&format!("user-{n}")), When::Now, at(0)))).collect();
    let (mut recorded, mut refused) = (0, 0);
    for answer in asked {
        match answer.await {
            Ok(_) => recorded += 1,
            Err(StoreError::Overloaded) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(recorded >= 8192 && refused > 0, "{recorded} recorded, {refused} refused");
    assert_eq!(*store.status().borrow(), Status::Ready);
    store.close().await.unwrap();
}
