//! Who is let in: a table of credentials, and that no bytes make the reader panic.

use axum::http::header::AUTHORIZATION;
use proptest::prelude::*;

use super::*;

/// A secret in which every character that the two ways of writing it treat differently is found.
const ODD: &str = "a+b%2Fc d&e=f:g/h";

fn clients() -> HttpClients {
    let client = |id: &str, secret: &str| HttpClient::new(id, Secret::new(secret), Vec::new());
    HttpClients::new(vec![
        client("gateway", "correct horse battery"),
        client("odd:one", ODD),
        client("x", "another one"),
    ])
}

fn headers(values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
}

fn base64(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The id that a request proves, or the status and the error that it is answered.
fn who(header: &[&str], form: &str) -> Result<Option<String>, (u16, String)> {
    let clients = clients();
    let found =
        clients.authenticate(&headers(header), form.as_bytes()).map(|found| found.map(|found| found.id().to_owned()));
    found.map_err(|problem| {
        let response = axum::http::Response::<axum::body::Body>::from(problem);
        let challenge = response.headers().get("www-authenticate").map_or("", |value| value.to_str().unwrap());
        (response.status().as_u16(), challenge.split(' ').next().unwrap_or_default().to_owned())
    })
}

#[test]
fn whoever_has_the_secret_is_let_in_however_it_is_sent() {
    let cases = [
        (base64("gateway", "correct horse battery"), "", "gateway"),
        (base64("gateway", "correct+horse%20battery"), "", "gateway"),
        (base64("gateway", "correct horse battery").replace("Basic", "bASIC"), "", "gateway"),
        (base64(&encoded("odd:one"), &encoded(ODD)), "", "odd:one"),
        (base64("x", "another one"), "client_id=x", "x"),
        ("Bearer correct horse battery".to_owned(), "", "gateway"),
        (format!("Bearer {ODD}"), "token=a", "odd:one"),
    ];
    for (header, form, id) in cases {
        assert_eq!(who(&[&header], form), Ok(Some(id.to_owned())), "{header}");
    }
    let posted = format!("client_id={}&client_secret={}", encoded("odd:one"), encoded(ODD));
    assert_eq!(who(&[], &posted), Ok(Some("odd:one".to_owned())));
    // `%` and `+` as they are, as curl sends them; the id has no colon then.
    let clients = HttpClients::new(vec![HttpClient::new("g", Secret::new("a+b%2Fc%zz"), Vec::new())]);
    let found = clients.authenticate(&headers(&[&base64("g", "a+b%2Fc%zz")]), b"").unwrap();
    assert_eq!(found.map(HttpClient::id), Some("g"));
}

#[test]
fn nobody_else_is_and_nothing_tells_why() {
    let basic = Err((401, "Basic".to_owned()));
    for header in [
        &base64("gateway", "wrong")[..],
        &base64("unknown", "correct horse battery"),
        &base64("x", "correct horse battery"),
        &base64("", ""),
        &base64("gateway", ""),
        &base64("gateway", "correct horse batter"),
        &base64("GATEWAY", "correct horse battery"),
        "Basic",
        "Basic !",
        "Basic Z2F0ZXdheQ==",
        "Basic /////w==",
        "Digest abc",
        "gateway",
    ] {
        assert_eq!(who(&[header], ""), basic, "{header}");
    }
    for header in ["Bearer wrong", "Bearer", "Bearer gateway"] {
        assert_eq!(who(&[header], ""), Err((401, "Bearer".to_owned())), "{header}");
    }
    for form in
        ["client_id=gateway&client_secret=wrong", "client_secret=another+one", "client_id=y&client_secret=another+one"]
    {
        assert_eq!(who(&[], form), basic, "{form}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_not_read() {
    let good = base64("x", "another one");
    let invalid = Err((400, String::new()));
    assert_eq!(who(&[&good, &good], ""), invalid);
    assert_eq!(who(&[&good], "client_id=x&client_secret=another+one"), invalid);
    assert_eq!(who(&[&good], "client_id=gateway"), invalid);
    assert_eq!(who(&[], "client_id=x&client_id=x&client_secret=another+one"), invalid);
    assert_eq!(who(&[], "client_secret=a&client_secret=another+one"), invalid);
}

#[test]
fn who_says_nothing_is_nobody() {
    assert_eq!(who(&[], ""), Ok(None));
    assert_eq!(who(&[], "client_id=gateway&token=a&client_secret="), Ok(None));
    assert!(HttpClients::default().authenticate(&headers(&["Bearer "]), b"").is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_let_anybody_in(
        header in proptest::collection::vec(32_u8.., 0..60), form in proptest::collection::vec(any::<u8>(), 0..60)
    ) {
        let clients = clients();
        let mut with = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&header) {
            with.insert(AUTHORIZATION, value);
        }
        prop_assert!(!matches!(clients.authenticate(&with, &form), Ok(Some(_))));
        let mut basic = b"Basic ".to_vec();
        basic.extend(STANDARD.encode(&header).bytes());
        with.insert(AUTHORIZATION, HeaderValue::from_bytes(&basic).unwrap());
        prop_assert!(!matches!(clients.authenticate(&with, &form), Ok(Some(_))));
    }

    #[test]
    fn every_id_and_secret_can_be_sent_as_the_standard_says(id in "[ -~]{1,20}", secret in "[ -~]{1,30}") {
        let clients = HttpClients::new(vec![HttpClient::new(&id, Secret::new(&secret), Vec::new())]);
        let header = base64(&encoded(&id), &encoded(&secret));
        let found = clients.authenticate(&headers(&[&header]), b"");
        prop_assert!(matches!(found, Ok(Some(_))));
    }
}
