//! What is counted, as a monitoring system reads it.

use curfew::transport::grpc::pb;
use serde_json::json;

use super::{server, server_with};
use crate::support::{Server, logout_of, unix_seconds};

/// The value of a line that begins like this.
async fn value(server: &Server, line: &str) -> f64 {
    let text = scrape(server).await;
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("there is no {line} in\n{text}"))
}

async fn scrape(server: &Server) -> String {
    let response = reqwest::get(server.at("/metrics")).await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    response.text().await.unwrap()
}

#[tokio::test]
async fn verdicts_are_counted_by_issuer_and_reason_whichever_way_they_were_asked_for() {
    let server = server();
    let mut client = server.client().await;
    let ask = |token: String| pb::ValidateTokenRequest { token, ..Default::default() };
    let token = server.token("ann");
    // New, known, in a stream, and as JSON.
    for _ in 0..2 {
        client.validate_token(ask(token.clone())).await.unwrap();
    }
    let requests = [pb::ValidateTokensRequest { request_id: String::new(), request: Some(ask(token.clone())) }];
    let mut answers = client.validate_tokens(tokio_stream::iter(requests)).await.unwrap().into_inner();
    answers.message().await.unwrap();
    let body = json!({ "token": token }).to_string();
    server.post("/v1/tokens:validate", "application/json", body).await;
    assert!((value(&server, "curfew_verdicts_total{issuer=\"op\",verdict=\"Valid\"}").await - 4.0).abs() < 0.1);
    client.record_logout(logout_of("ann")).await.unwrap();
    client.validate_token(ask(token)).await.unwrap();
    client.validate_token(ask("rubbish".to_owned())).await.unwrap();
    for (line, count) in [
        ("curfew_verdicts_total{issuer=\"op\",verdict=\"SubjectLoggedOut\"}", 1.0),
        ("curfew_verdicts_total{issuer=\"\",verdict=\"Malformed\"}", 1.0),
        ("curfew_call_duration_seconds_count{call=\"ValidateToken\"}", 5.0),
        ("curfew_call_duration_seconds_count{call=\"RecordLogout\"}", 1.0),
        ("curfew_call_duration_seconds_bucket{le=\"+Inf\",call=\"ValidateToken\"}", 5.0),
        ("curfew_revision", 1.0),
        ("curfew_ready", 1.0),
    ] {
        let found = value(&server, line).await;
        assert!((found - count).abs() < 0.1, "{line}: {found} of {count}");
    }
    assert!(scrape(&server).await.ends_with("# EOF\n"));
}

#[tokio::test]
async fn events_are_counted_by_what_came_of_them_and_their_delay_is_known() {
    let server = server();
    let minute_ago = unix_seconds() - 60;
    let logout = server.logout_token(&json!({"iat": minute_ago}));
    for _ in 0..2 {
        server.send_logout_token(&logout).await;
    }
    server.send_logout_token("rubbish").await;
    let source = "source=\"backchannel-logout\"";
    for (line, least, most) in [
        (format!("curfew_events_total{{{source},outcome=\"recorded\"}}"), 1.0, 1.0),
        (format!("curfew_events_total{{{source},outcome=\"again\"}}"), 1.0, 1.0),
        (format!("curfew_events_total{{{source},outcome=\"refused\"}}"), 1.0, 1.0),
        (format!("curfew_logouts_total{{{source},reason=\"ProviderLogout\"}}"), 1.0, 1.0),
        (format!("curfew_logout_exposure_seconds_count{{{source}}}"), 1.0, 1.0),
        (format!("curfew_logout_exposure_seconds_sum{{{source}}}"), 59.0, 70.0),
        (format!("curfew_seconds_since_last_event{{{source}}}"), 0.0, 20.0),
    ] {
        let found = value(&server, &line).await;
        assert!((least..=most).contains(&found), "{line}: {found}");
    }
}

#[tokio::test]
async fn whoever_sends_nonsense_does_not_keep_the_alarm_of_a_silent_stream_quiet() {
    let server = server_with("");
    let line = "curfew_seconds_since_last_event{source=\"backchannel-logout\"}";
    let before = value(&server, line).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    server.send_logout_token("rubbish").await;
    assert!(value(&server, line).await > before);
}
