//! Dead letters: kept over restarts, a thousand of them, and listed for people and for programs.

use std::fs;

use curfew::transport::grpc::pb::{self, admin_service_client::AdminServiceClient};
use serde_json::{Value, json};

use super::auth0_logs::{event, server, taken};
use crate::support::{Server, curfew};

/// All that a server keeps, by the RPC.
pub(super) async fn list(server: &Server) -> Vec<pb::DeadLetter> {
    let mut client = AdminServiceClient::connect(server.url.clone()).await.unwrap();
    client.list_dead_letters(pb::ListDeadLettersRequest {}).await.unwrap().into_inner().dead_letters
}

/// Sends so many events that name nobody.
async fn send_dead(server: &Server, names: impl Iterator<Item = String>) {
    let body: String = names.map(|name| format!("{}\n", event("scp", &name, &json!({"user_id": ""})))).collect();
    let [recorded, again, ignored, dead] = taken(server, body).await;
    assert!(recorded + again + ignored == 0 && dead > 0);
}

fn ids(letters: &[pb::DeadLetter]) -> Vec<&str> {
    letters.iter().map(|letter| letter.event_id.as_str()).collect()
}

#[tokio::test]
async fn people_and_programs_can_list_them() {
    let server = server();
    let ask = |arguments: &[&str]| {
        let arguments: Vec<&str> = [&["dead-letters"], arguments, &["--server", &server.url]].concat();
        curfew(&arguments, "")
    };
    let (code, out, err) = ask(&[]);
    assert!(code == 0 && out.starts_with("none"), "{out}{err}");
    assert_eq!(serde_json::from_str::<Value>(&ask(&["--json"]).1).unwrap(), json!({"deadLetters": []}));
    send_dead(&server, ["9001".to_owned(), "a\u{1b}[31mb\nc".to_owned()].into_iter()).await;
    let (code, out, _) = ask(&[]);
    assert_eq!(code, 0);
    for wanted in ["scp", "came by", "auth0-stream", "op", "9001", "names no user", "2 dead letters"] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    // What a sender wrote moves no terminal.
    assert!(out.contains("a�[31mb�c"), "{out:?}");
    let letters: Value = serde_json::from_str(&ask(&["--json"]).1).unwrap();
    let letter = &letters["deadLetters"][0];
    assert_eq!((&letter["source"], &letter["issuer"]), (&json!("EVENT_SOURCE_AUTH0_STREAM"), &json!("op")));
    assert_eq!((&letter["eventId"], &letter["eventType"]), (&json!("9001"), &json!("scp")));
    assert_eq!(letters["deadLetters"][1]["eventId"], "a�[31mb�c");
    assert!(letter["receiveTime"].as_str().unwrap().ends_with('Z'), "{letter}");
}

#[tokio::test]
async fn a_thousand_are_kept_over_restarts() {
    let mut server = server();
    let names = |range: std::ops::Range<u32>| range.map(|number| format!("event-{number}"));
    send_dead(&server, names(0..700)).await;
    send_dead(&server, names(700..1003)).await;
    let expected: Vec<String> = names(3..1003).collect();
    assert_eq!(ids(&list(&server).await), expected);
    for round in 0..3 {
        if round == 0 {
            server.kill()
        } else {
            server.signal("TERM")
        }
        if round > 0 {
            assert!(server.wait().success());
        }
        server.restart();
        assert_eq!(ids(&list(&server).await), expected, "{round}");
    }
    // However many come, the file stays short.
    for round in 0..5 {
        send_dead(&server, names(2000 + round * 900..2900 + round * 900)).await;
    }
    let file = fs::read_to_string(server.directory.path().join("store/dead-letters.jsonl")).unwrap();
    assert!(file.lines().count() <= 2000);
    assert_eq!(list(&server).await.len(), 1000);
}

#[tokio::test]
async fn the_same_event_is_kept_once() {
    let server = server();
    for _ in 0..3 {
        send_dead(&server, ["9001".to_owned()].into_iter()).await;
    }
    assert_eq!(list(&server).await.len(), 1);
}

#[tokio::test]
async fn a_file_that_is_damaged_in_part_keeps_the_rest() {
    let mut server = server();
    send_dead(&server, ["one".to_owned(), "two".to_owned(), "three".to_owned()].into_iter()).await;
    server.kill();
    let path = server.directory.path().join("store/dead-letters.jsonl");
    let file = fs::read_to_string(&path).unwrap();
    // The last line is torn, and one in between is of something else.
    let damaged = file.replace("\"two\"", "2").trim_end().strip_suffix('}').unwrap().to_owned();
    fs::write(&path, damaged).unwrap();
    server.restart();
    assert_eq!(ids(&list(&server).await), ["one"]);
    send_dead(&server, ["four".to_owned()].into_iter()).await;
    server.kill();
    server.restart();
    assert_eq!(ids(&list(&server).await), ["one", "four"]);
}
