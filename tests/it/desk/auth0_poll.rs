//! The log of an Auth0 tenant that pushes none: read page by page, over failures and restarts, and nothing left out.

use std::{fs, path::PathBuf, time::Duration};

use curfew::transport::grpc::pb::Verdict;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    auth0_logs::{ago, event, token, verdict},
    dead_letters,
    tenant::{CLIENT_ID, CLIENT_SECRET, Instead, Tenant},
};
use crate::support::{Server, Setup};

const HTTP: &str = "[http]\nlisten = \"127.0.0.1:0\"\n";

/// What the tenant does instead of answering.
type Failure = fn() -> Instead;

/// The headers by which a tenant asks to wait until a time.
type Headers = fn(String) -> Vec<(&'static str, String)>;

/// A server that reads the tenant's log every second.
fn server(tenant: &Tenant) -> Server {
    server_with(tenant, CLIENT_SECRET, "")
}

fn server_with(tenant: &Tenant, secret: &str, more: &str) -> Server {
    let mut setup = Setup::new();
    let secret = setup.file("client-secret", secret);
    setup.top = HTTP;
    setup.issuer = format!(
        "session_claim = \"sid\"\n[issuer.auth0_poll]\nbase_url = \"{}/\"\nclient_id = \"{CLIENT_ID}\"\nclient_secret_file = \
         {secret:?}\ninterval = \"1s\"\ntimeout = \"1s\"\n{more}",
        tenant.url
    )
    .leak();
    setup.start()
}

fn id(number: usize) -> String {
    format!("9002026{number:08}")
}

/// Events, of which those of every tenth number log somebody out.
fn events(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers
        .map(|number| {
            let code = if number % 10 == 0 { "slo" } else { "s" };
            let user = format!("auth0|user-{number}");
            event(code, &id(number), &json!({"user_id": user, "details": {"session_id": user}}))
        })
        .collect()
}

/// That the users of these numbers are logged out where they should be, and no other.
async fn assert_logged_out(server: &Server, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let user = format!("auth0|user-{number}");
        let expected = if number % 10 == 0 { Verdict::SessionLoggedOut } else { Verdict::Valid };
        assert_eq!(verdict(server, &token(server, &user, &user, "c1")).await, expected, "{user}");
    }
}

fn checkpoint(server: &Server) -> PathBuf {
    server.directory.path().join("store/auth0-op.checkpoint")
}

/// The id up to which the log was read, as is remembered.
fn remembered(server: &Server) -> Value {
    serde_json::from_str::<Value>(&fs::read_to_string(checkpoint(server)).unwrap()).unwrap()["after"].clone()
}

/// Waits until something is in the log.
async fn logs(server: &Server, text: &str) {
    let logged = async {
        while !server.log().contains(text) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(Duration::from_secs(30), logged).await.is_ok(), "{text} is not in the log:\n{}", server.log());
}

#[tokio::test]
async fn the_log_is_read_page_by_page_from_the_look_back_on() {
    for links in [false, true] {
        let tenant = Tenant::start().await;
        if links {
            tenant.name_next_pages();
        }
        // Before the look-back, which is as long as tokens live.
        tenant.happens([event("slo", "old", &json!({"date": ago(30 * 3600), "user_id": "auth0|old"}))]);
        tenant.happens(events(0..250));
        let server = server(&tenant);
        tenant.is_read_up_to(&id(249)).await;
        assert_logged_out(&server, 0..250).await;
        let old = token(&server, "auth0|old", "s1", "c1");
        assert_eq!(verdict(&server, &old).await, Verdict::Valid);
        let pages = tenant.pages();
        assert!(pages[0].parameter("q").unwrap().starts_with("date:[2"), "{pages:?}");
        assert_eq!((pages[0].parameter("sort"), pages[0].parameter("per_page")), (Some("date:1"), Some("1")));
        let froms: Vec<_> = pages[1..4].iter().map(|asked| asked.parameter("from").unwrap().to_owned()).collect();
        assert_eq!(froms, [id(0), id(100), id(200)]);
        assert!(
            pages[1..].iter().all(|asked| asked.parameter("take") == Some("100") && asked.parameter("q").is_none())
        );
        // One token for all of them.
        let tokens = tenant.asked("/oauth/token");
        let expected = json!({
            "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "audience": format!("{}/api/v2/", tenant.url),
        });
        assert_eq!((tokens.len(), &tokens[0].body), (1, &expected));
        assert!(!server.log().contains(CLIENT_SECRET) && !server.log().contains("token-1"), "a secret is in the log");
        // And what happens from now on.
        tenant.happens(events(250..260));
        tenant.is_read_up_to(&id(259)).await;
        assert_logged_out(&server, 250..260).await;
    }
}

#[tokio::test]
async fn after_a_restart_it_goes_on_where_it_stopped() {
    let tenant = Tenant::start().await;
    tenant.happens(events(0..30));
    let mut server = server(&tenant);
    tenant.is_read_up_to(&id(29)).await;
    assert_eq!(remembered(&server), json!(id(29)));
    server.kill();
    let before = tenant.pages().len();
    // Longer than is looked back, and more than a page: nobody else tells of it.
    tenant.happens(events(30..180));
    server.restart();
    tenant.is_read_up_to(&id(179)).await;
    assert_logged_out(&server, 0..180).await;
    let since = &tenant.pages()[before..];
    assert!(since.iter().all(|asked| asked.parameter("q").is_none()), "it was looked back: {since:?}");
    assert_eq!(since[0].parameter("from"), Some(id(29).as_str()));
}

#[tokio::test]
async fn where_nobody_knows_how_far_it_was_read_it_is_looked_back() {
    let tenant = Tenant::start().await;
    tenant.happens(events(0..20));
    let mut server = server(&tenant);
    tenant.is_read_up_to(&id(19)).await;
    let good = fs::read_to_string(checkpoint(&server)).unwrap();
    let elsewhere = good.replace(&tenant.url, "https://else.example");
    for bad in [Some(""), Some("{"), Some("\0\0\0\0"), Some(&good[..good.len() / 2]), Some(&elsewhere), None] {
        server.kill();
        match bad {
            Some(text) => fs::write(checkpoint(&server), text).unwrap(),
            None => fs::remove_file(checkpoint(&server)).unwrap(),
        }
        let before = tenant.pages().len();
        server.restart();
        tenant.is_asked(before + 2).await;
        tenant.is_read_up_to(&id(19)).await;
        assert!(tenant.pages()[before].parameter("q").is_some(), "{bad:?}");
        assert_eq!(server.log().contains("nobody knows how far"), bad.is_some(), "{bad:?}");
        assert_eq!(remembered(&server), json!(id(19)), "{bad:?}");
    }
    assert_logged_out(&server, 0..20).await;
}

#[tokio::test]
async fn an_event_that_the_tenant_has_forgotten_is_no_end() {
    let tenant = Tenant::start().await;
    tenant.happens(events(0..20));
    let mut server = server(&tenant);
    tenant.is_read_up_to(&id(19)).await;
    server.kill();
    tenant.happens(events(20..50));
    tenant.forget_all_but(25);
    server.restart();
    tenant.is_read_up_to(&id(49)).await;
    assert_logged_out(&server, 25..50).await;
    logs(&server, "does not know the event").await;
}

#[tokio::test]
async fn failures_of_every_kind_are_waited_out_and_leave_nothing_out() {
    let failures: [(&str, Failure); 9] = [
        ("500", || Instead::Status(500, Vec::new())),
        ("a redirect", || Instead::Status(302, vec![("location", "http://127.0.0.1:1/".to_owned())])),
        ("no JSON", || Instead::Body("<html>".to_owned())),
        ("no array", || Instead::Body("{\"logs\":[]}".to_owned())),
        ("a cut array", || Instead::Body("[{\"type\":".to_owned())),
        ("a damaged entry", || Instead::Body("[{\"type\":\"slo\",\"log_id\":\"x\",\"user_id\":\"u\",},1]".to_owned())),
        ("an endless body", || Instead::Endless),
        ("silence", || Instead::Silence),
        ("too many requests, it does not say for how long", || Instead::Status(429, Vec::new())),
    ];
    let tenant = Tenant::start().await;
    tenant.happens(events(0..5));
    let server = server(&tenant);
    tenant.is_read_up_to(&id(4)).await;
    for (number, (name, failure)) in failures.into_iter().enumerate() {
        let first = 5 + number * 10;
        tenant.answer_once(failure());
        let pages = tenant.pages().len();
        tenant.is_asked(pages + 1).await;
        assert_eq!(remembered(&server), json!(id(first - 1)), "{name}");
        tenant.happens(events(first..first + 10));
        tenant.is_read_up_to(&id(first + 9)).await;
        assert_logged_out(&server, first..first + 10).await;
    }
    assert!(server.log().matches("could not be read").count() >= 9, "{}", server.log());
}

/// Whether, after so many pages, none was asked for during more than a second that is usual. A time is of whole seconds.
async fn is_left_alone(tenant: &Tenant, pages: usize) -> bool {
    tenant.is_asked(pages + 3).await;
    let pages = &tenant.pages()[pages - 1..];
    pages.windows(2).any(|pair| pair[1].at - pair[0].at > Duration::from_millis(1900))
}

#[tokio::test]
async fn a_tenant_that_has_had_enough_is_left_alone_for_as_long_as_it_says() {
    let tenant = Tenant::start().await;
    tenant.happens(events(0..5));
    let server = server(&tenant);
    tenant.is_read_up_to(&id(4)).await;
    let in_seconds = |seconds: i64| (crate::support::unix_seconds() + seconds).to_string();
    let headers: [Headers; 3] = [
        |_| vec![("retry-after", "3".to_owned())],
        |until| vec![("x-ratelimit-reset", until)],
        |until| vec![("retry-after", "1".to_owned()), ("x-ratelimit-reset", until)],
    ];
    for headers in headers {
        let before = tenant.pages().len();
        let headers = headers(in_seconds(5));
        tenant.answer_once(Instead::Status(429, headers.clone()));
        assert!(is_left_alone(&tenant, before).await, "{headers:?}");
    }
    // The last request that it allows, and then no more for now.
    let before = tenant.pages().len();
    let headers = vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", in_seconds(5))];
    tenant.answer_once(Instead::Page(headers));
    tenant.happens(events(5..20));
    tenant.is_read_up_to(&id(19)).await;
    assert!(is_left_alone(&tenant, before).await);
    assert_logged_out(&server, 0..20).await;
}

#[tokio::test]
async fn a_token_is_renewed_when_it_is_no_good_any_more() {
    let tenant = Tenant::start().await;
    tenant.happens(events(0..5));
    let server = server(&tenant);
    tenant.is_read_up_to(&id(4)).await;
    assert_eq!(tenant.asked("/oauth/token").len(), 1);
    // Before its time.
    tenant.token_lifetime(2);
    tenant.withdraw_token();
    tenant.happens(events(5..15));
    tenant.is_read_up_to(&id(14)).await;
    assert_logged_out(&server, 0..15).await;
    assert!(!server.log().contains("could not be read"), "{}", server.log());
    // When its time is over: half of its life is used.
    let (pages, tokens) = (tenant.pages().len(), tenant.asked("/oauth/token").len());
    tenant.is_asked(pages + 4).await;
    assert!(tenant.asked("/oauth/token").len() >= tokens + 2);
    // One that is never any good.
    for _ in 0..2 {
        tenant.answer_once(Instead::TokenUnknown);
    }
    logs(&server, "read:logs").await;
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_said_and_not_shown() {
    let tenant = Tenant::start().await;
    let wrong = "not-the-secret-of-the-client";
    let server = server_with(&tenant, wrong, "");
    logs(&server, "client_secret_file").await;
    assert!(!server.log().contains(wrong) && tenant.pages().is_empty());
}

#[tokio::test]
async fn how_far_it_was_read_is_remembered_only_when_all_of_it_is_on_disk() {
    let tenant = Tenant::start().await;
    tenant.happens(events(0..11));
    let mut server = server(&tenant);
    tenant.is_read_up_to(&id(10)).await;
    let db = server.directory.path().join("store/db");
    let aside = server.directory.path().join("db-aside");
    fs::rename(&db, &aside).unwrap();
    tenant.happens(events(11..31));
    logs(&server, "could not be read").await;
    let pages = tenant.pages().len();
    tenant.is_asked(pages + 1).await;
    assert_eq!(remembered(&server), json!(id(10)));
    server.kill();
    fs::rename(&aside, &db).unwrap();
    server.restart();
    tenant.is_read_up_to(&id(30)).await;
    assert_logged_out(&server, 0..31).await;
}

#[tokio::test]
async fn what_an_event_lacks_is_a_dead_letter_here_too_and_actions_are_configured_for_both() {
    let tenant = Tenant::start().await;
    let server = server_with(&tenant, CLIENT_SECRET, "[issuer.auth0_actions]\nslo = \"ignore\"\n");
    tenant.happens([
        event("slo", &id(1), &json!({})),
        event("scp", &id(2), &json!({"user_id": ""})),
        event("scp", &id(3), &json!({"user_id": "auth0|bob"})),
    ]);
    tenant.is_read_up_to(&id(3)).await;
    let tokens = ["auth0|ann", "auth0|bob"].map(|user| token(&server, user, "s1", "c1"));
    assert_eq!(verdict(&server, &tokens[0]).await, Verdict::Valid);
    assert_eq!(verdict(&server, &tokens[1]).await, Verdict::SubjectLoggedOut);
    let letters = dead_letters::list(&server).await;
    let said: Vec<_> = letters.iter().map(|letter| (letter.event_id.clone(), letter.source().as_str_name())).collect();
    assert_eq!(said, [(id(2), "EVENT_SOURCE_AUTH0_POLL")]);
}
