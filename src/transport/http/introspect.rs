//! `POST /introspect`: RFC 7662, for gateways that introspect already.
//!
//! Whoever asks must be configured (section 2.1), or tokens could be fished for here. Of a token that is not honoured,
//! whatever the reason, nothing is said but that (section 2.2).

use std::time::Instant;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};
use serde_json::{Map, Value, json};

use super::{Desk, answer, body, clients, problem::Problem};
use crate::{
    domain::Revision,
    service::{Answer, Call, TokenRequest},
    token::Claims,
};

/// The longest body: the longest token that is looked at, and room for what else a sender may put there.
const MOST_BYTES: usize = 32 * 1024;

/// The parameter that has the token.
const PARAMETER: &str = "token";

/// Tells what a token is worth.
pub(super) async fn receive(State(desk): State<Desk>, headers: HeaderMap, body: Body) -> Response<Body> {
    match tell(&desk, &headers, body).await {
        Ok(told) => answer::json(StatusCode::OK, told.to_string()),
        Err(problem) => problem.into(),
    }
}

async fn tell(desk: &Desk, headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
    let form = desk.bodies.read(headers, body, MOST_BYTES).await?;
    let client = desk.clients.authenticate(headers, &form)?.ok_or_else(clients::unknown)?;
    let raw_token = body::form_value(headers, &form, PARAMETER)?;
    let request = TokenRequest {
        raw_token: raw_token.as_bytes(),
        audiences: &client.audiences,
        min_revision: Revision::default(),
        include_claims: true,
    };
    let began = Instant::now();
    let told = described(desk.curfew.validate_token(&request).await?);
    desk.curfew.answered(Call::Introspect, began.elapsed());
    Ok(told)
}

/// What is told of a token.
fn described(answer: Answer) -> Value {
    match answer {
        Answer { decision: Ok(_), verified: Some(verified), payload: Some(payload), .. } => {
            active(&verified.token.claims, payload)
        }
        // One whose signature holds has claims as well; they are nobody's business when it is not honoured.
        _ => json!({"active": false}),
    }
}

/// Everything that a token says, under the names of section 2.2 where it uses others.
fn active(claims: &Claims, mut payload: Map<String, Value>) -> Value {
    let scope = ["scope", "scp"].into_iter().find_map(|name| scope(payload.get(name)?));
    // RFC 9449, section 6.2: whoever takes such a token must ask for a proof as well.
    let bound = payload.get("cnf").and_then(|cnf| cnf.get("jkt")).is_some();
    // What cannot be said as it must be is not said.
    payload.remove("scope");
    let said = [
        ("client_id", claims.client_id.as_ref().map(ToString::to_string)),
        ("sid", claims.session_id.as_ref().map(ToString::to_string)),
        ("scope", scope),
        ("token_type", Some(if bound { "DPoP" } else { "Bearer" }.to_owned())),
    ];
    for (name, value) in said {
        payload.extend(value.map(|value| (name.to_owned(), Value::String(value))));
    }
    // Last, so that no claim of that name can say it instead.
    payload.insert("active".to_owned(), Value::Bool(true));
    Value::Object(payload)
}

/// The scopes, with spaces between them (RFC 6749, section 3.3). Some providers have an array instead; one of its texts
/// that would be two scopes is not what the provider has granted, so that nothing is said then.
fn scope(claim: &Value) -> Option<String> {
    match claim {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Array(items) => {
            let one =
                |item: &Value| item.as_str().filter(|text| !text.is_empty() && !text.contains(' ')).map(str::to_owned);
            items.iter().map(one).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty()).map(|all| all.join(" "))
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_one_text_and_never_more_than_were_granted() {
        for (claim, expected) in [
            (json!("read write"), Some("read write")),
            (json!(["read", "write"]), Some("read write")),
            (json!(["read"]), Some("read")),
            (json!(["read write"]), None),
            (json!(["read", 1]), None),
            (json!(["read", ""]), None),
            (json!([]), None),
            (json!(""), None),
            (json!(null), None),
            (json!({"read": true}), None),
        ] {
            assert_eq!(scope(&claim).as_deref(), expected, "{claim}");
        }
    }
}
