//! `/forward-auth`, by any method: what a proxy asks before it lets a request through (nginx `auth_request`, Traefik
//! ForwardAuth, Caddy `forward_auth`).
//!
//! 200 lets it through, and says in headers whose token it has. 401 and 400 do not, and challenge as RFC 6750, section 3,
//! has it; 503 says that it could not be decided. Every answer has every header of [`identity`], with a value in a 200
//! alone. No body is read. What is said to whoever has no good token is fixed, so that it can neither break out of its
//! header nor tell more than it must.

use std::{borrow::Cow, time::Instant};

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Request, Response, StatusCode,
        header::{CACHE_CONTROL, WWW_AUTHENTICATE},
    },
};
use tracing::debug;

use super::{Desk, authorization::Authorization, identity, problem::Problem};
use crate::{
    domain::{MAX_IDENTIFIER_BYTES, Revision},
    service::{Answer, Call, ServiceError, TokenRequest},
    token::Verdict,
};

/// The parameter that names an audience for which the proxy stands.
const AUDIENCE: &str = "audience";

/// The most audiences that one request may name.
const MOST_AUDIENCES: usize = 16;

/// Section 3.1: where no token was sent, nothing is said of an error.
const NO_TOKEN: HeaderValue = HeaderValue::from_static("Bearer realm=\"curfew\"");

/// Decides whether a request may pass.
pub(super) async fn check(State(desk): State<Desk>, request: Request<Body>) -> Response<Body> {
    let began = Instant::now();
    let (parts, _unread) = request.into_parts();
    let audiences = match audiences(parts.uri.query()) {
        Ok(audiences) => audiences,
        Err(problem) => return refused(problem),
    };
    let raw_token = match presented(&parts.headers) {
        Ok(Some(raw_token)) => raw_token.as_bytes(),
        Ok(None) => return challenged(NO_TOKEN),
        Err(problem) => return refused(problem),
    };
    let request =
        TokenRequest { raw_token, audiences: &audiences, min_revision: Revision::default(), include_claims: false };
    let answered = desk.curfew.validate_token(&request).await;
    desk.curfew.answered(Call::ForwardAuth, began.elapsed());
    match answered {
        Ok(Answer { decision: Ok(_), verified: Some(verified), .. }) => {
            let mut response = bare(StatusCode::OK);
            identity::set(response.headers_mut(), Some(&verified.token.claims));
            response
        }
        Ok(Answer { decision, .. }) => {
            challenged(challenge(decision.err().map_or(Verdict::Malformed, |r| r.verdict())))
        }
        Err(error) => undecided(&error),
    }
}

/// The token. None: the request has no credentials of this kind.
fn presented(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let authorization = Authorization::of(headers);
    match (authorization, authorization.bearer()) {
        (_, Some(raw_token)) => Ok(Some(raw_token)),
        (Authorization::Unclear, None) => {
            Err(malformed("the header Authorization is there more than once, or is not text"))
        }
        (Authorization::Given(scheme, _), None) if scheme.eq_ignore_ascii_case("bearer") => {
            Err(malformed("the header Authorization has no token"))
        }
        (Authorization::None | Authorization::Given(..), None) => Ok(None),
    }
}

/// The audiences that the proxy stands for. Empty: every configured one.
fn audiences(query: Option<&str>) -> Result<Vec<String>, Problem> {
    let Some(query) = query else { return Ok(Vec::new()) };
    let named = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == AUDIENCE).map(|(_, value)| value);
    let audiences: Vec<String> = named.take(MOST_AUDIENCES + 1).map(Cow::into_owned).collect();
    if audiences.len() > MOST_AUDIENCES {
        return Err(Problem::invalid(format!("at most {MOST_AUDIENCES} audiences may be named")));
    }
    // An empty one is a variable that was not filled in, and must not mean any audience.
    if audiences.iter().any(|audience| audience.is_empty() || audience.len() > MAX_IDENTIFIER_BYTES) {
        return Err(Problem::invalid(format!("an audience has 1 to {MAX_IDENTIFIER_BYTES} bytes")));
    }
    Ok(audiences)
}

/// Section 3.1, `invalid_request`.
fn malformed(description: &'static str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"curfew\", error=\"invalid_request\"");
    Problem::invalid(description).challenging(challenge)
}

fn refused(problem: Problem) -> Response<Body> {
    let mut response = Response::from(problem);
    identity::set(response.headers_mut(), None);
    response
}

fn challenged(challenge: HeaderValue) -> Response<Body> {
    let mut response = bare(StatusCode::UNAUTHORIZED);
    identity::set(response.headers_mut(), None);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// What keeps Curfew from deciding is for its operators to know; the answer may reach anybody.
fn undecided(error: &ServiceError) -> Response<Body> {
    debug!(endpoint = "forward-auth", %error, "a token could not be decided on");
    let description = "it cannot be decided now whether the token is honoured; try again shortly";
    refused(Problem::busy(description))
}

/// An answer without a body, of which nothing may be kept: the next may be another.
fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    // All that will be in it, so that it need not grow.
    *response.headers_mut() = HeaderMap::with_capacity(8);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Section 3.1, `invalid_token`, and why.
fn challenge(verdict: Verdict) -> HeaderValue {
    macro_rules! invalid_token {
        ($description:literal) => {
            HeaderValue::from_static(concat!(
                "Bearer realm=\"curfew\", error=\"invalid_token\", error_description=\"",
                $description,
                "\""
            ))
        };
    }
    match verdict {
        // One that is honoured is not challenged.
        Verdict::Valid | Verdict::Malformed => invalid_token!("The token is malformed."),
        Verdict::UnknownIssuer => invalid_token!("The token's issuer is not known here."),
        Verdict::AlgorithmNotAllowed | Verdict::UnknownKey | Verdict::BadSignature => {
            invalid_token!("The token's signature does not hold.")
        }
        Verdict::MissingClaim => invalid_token!("The token lacks a claim that it must have."),
        Verdict::Expired => invalid_token!("The token has expired."),
        Verdict::NotYetValid | Verdict::IssuedInFuture => invalid_token!("The token is not valid yet."),
        Verdict::WrongAudience => invalid_token!("The token is for another audience."),
        Verdict::ImpossibleClaim => invalid_token!("The token says what cannot be true."),
        Verdict::LifetimeTooLong => invalid_token!("The token lives longer than its issuer's tokens may."),
        Verdict::TokenRevoked => invalid_token!("The token was revoked."),
        Verdict::SessionLoggedOut => invalid_token!("The session was logged out."),
        Verdict::SubjectLoggedOut => invalid_token!("The user has logged out."),
        Verdict::ClientRevoked | Verdict::KeyRevoked | Verdict::IssuerRevoked => {
            invalid_token!("The token was issued before all of its kind were revoked.")
        }
    }
}

#[cfg(test)]
#[path = "forward_auth_tests.rs"]
mod tests;
