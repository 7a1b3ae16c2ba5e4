//! The calls as JSON, as somebody writes them who has never heard of gRPC.

use serde_json::{Value, json};

use super::{said, server, server_with};
use crate::support::{ISSUER, Server};

const JSON: &str = "application/json";

async fn read(response: reqwest::Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let response = server.post(path, JSON, body.to_string()).await;
    (response.status().as_u16(), read(response).await)
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    let response = reqwest::get(server.at(path)).await.unwrap();
    (response.status().as_u16(), read(response).await)
}

#[tokio::test]
async fn a_login_action_gets_the_claim_ready_to_be_set() {
    let server = server_with("last_logout_claim = \"last_logout\"\n");
    let ask = "/v1/last-logout?issuer=op&subject=auth0%7Cann";
    let (status, never) = get(&server, ask).await;
    assert_eq!((status, &never["claimValue"]), (200, &Value::Null), "{never}");
    assert!(never.get("lastLogoutTime").is_none_or(Value::is_null), "{never}");
    let logout = json!({"subject": {"subject": "auth0|ann"}, "reason": "LOGOUT_REASON_USER_LOGOUT"});
    let (status, recorded) = post(&server, "/v1/logouts", &logout).await;
    assert_eq!((status, &recorded["advanced"]), (200, &json!(true)), "{recorded}");
    assert_eq!(recorded["logout"]["subject"], json!({"issuer": ISSUER, "subject": "auth0|ann", "clientId": ""}));
    let (_, last) = get(&server, ask).await;
    assert_eq!(last["claimValue"], last["lastLogoutTime"]);
    assert_eq!((&last["reason"], &last["revision"]), (&json!("LOGOUT_REASON_USER_LOGOUT"), &recorded["revision"]));
}

#[tokio::test]
async fn a_backend_asks_about_a_token() {
    let server = server();
    let token = server.token("ann");
    let ask = json!({ "token": token });
    let (status, answer) = post(&server, "/v1/tokens:validate", &ask).await;
    assert_eq!((status, &answer["valid"], &answer["verdict"]), (200, &json!(true), &json!("VERDICT_VALID")));
    let (status, _) = post(&server, "/v1/logouts", &json!({ "token": token })).await;
    assert_eq!(status, 200);
    let (status, answer) = post(&server, "/v1/tokens:validate", &ask).await;
    assert_eq!((status, &answer["valid"]), (200, &json!(false)));
    assert_eq!(answer["verdict"], "VERDICT_SUBJECT_LOGGED_OUT");
}

#[tokio::test]
async fn what_is_no_request_is_refused_saying_why() {
    let server = server();
    let token = server.token("ann");
    for (body, says) in [
        (json!([1]).to_string(), "no JSON object"),
        ("{".to_owned(), "no JSON object"),
        ("{\"token\":\"a\",\"token\":\"b\"}".to_owned(), "twice"),
        (format!("{{\"claims\":{}{}}}", "[".repeat(200), "]".repeat(200)), "deep"),
        (json!({ "tokens": "a" }).to_string(), "tokens"),
        (json!({ "token": [token] }).to_string(), "string"),
        (json!({ "token": "a", "min_revision": token }).to_string(), "digit"),
        (json!({ token.clone(): "a" }).to_string(), "…"),
        ("\u{feff}{}".to_owned(), "no JSON object"),
    ] {
        let response = server.post("/v1/tokens:validate", JSON, body.clone()).await;
        assert_eq!(response.status(), 400, "{body}");
        let error = read(response).await;
        let text = error.to_string();
        assert_eq!(error["error"]["status"], "INVALID_ARGUMENT");
        assert_eq!(error["error"]["details"][0]["reason"], "INVALID_REQUEST");
        assert!(text.contains(says) && !text.contains("eyJ"), "{body}: {text}");
    }
    let response = server.post("/v1/tokens:validate", JSON, b"{\"token\":\"\xff\"}".to_vec()).await;
    assert_eq!(response.status(), 400);
    let response = server.post("/v1/tokens:validate", "text/plain", "{}").await;
    assert!(response.text().await.unwrap().contains("Content-Type"));
    let response = server.post("/v1/tokens:validate", JSON, vec![b' '; 200 * 1024]).await;
    assert_eq!(response.status(), 413);
    let (status, error) = get(&server, "/v1/last-logout?subjekt=ann").await;
    assert!(status == 400 && error.to_string().contains("subjekt"), "{error}");
}

#[tokio::test]
async fn another_method_or_path_is_named() {
    let server = server();
    let response = reqwest::get(server.at("/v1/logouts")).await.unwrap();
    assert_eq!(said(response).await.0, 405);
    let response = reqwest::get(server.at("/v1/logout")).await.unwrap();
    assert_eq!(said(response).await.0, 404);
}
