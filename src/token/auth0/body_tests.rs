//! Bodies: the three formats, what is not one of them, and what is wrong with a part only.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What each entry reads as.
fn entries(body: &[u8]) -> Result<Vec<Result<Value, LogEntryFault>>, LogBodyFault> {
    Ok(split_log_body(body)?.into_iter().map(|entry| entry.read().map(Value::Object)).collect())
}

/// The entries of a body in which all can be read.
fn read(body: &str) -> Vec<Value> {
    entries(body.as_bytes()).unwrap().into_iter().map(Result::unwrap).collect()
}

#[test]
fn the_three_formats_say_the_same() {
    let [one, two] = [json!({"log_id": "1", "data": {"a": ","}}), json!({"log_id": "2", "data": {"b": "}]\n\"\\"}})];
    let both = vec![one.clone(), two.clone()];
    assert_eq!(read(&format!("{one}\n{two}\n")), both);
    assert_eq!(read(&format!("\r\n{one}\r\n\r\n {two} \r\n")), both);
    assert_eq!(read(&json!(both).to_string()), both);
    assert_eq!(read(&serde_json::to_string_pretty(&both).unwrap()), both);
    assert_eq!(read(&json!({ "logs": both }).to_string()), both);
    assert_eq!(read(&one.to_string()), vec![one.clone()]);
    assert_eq!(read(&serde_json::to_string_pretty(&one).unwrap()), vec![one]);
    assert!(read("[]").is_empty() && read(" [ ] ").is_empty() && read(r#"{"logs":[]}"#).is_empty());
    // What an event calls logs is none of ours.
    let event = json!({"type": "slo", "logs": [1]});
    assert_eq!(read(&event.to_string()), vec![event]);
}

#[test]
fn what_is_no_body_is_refused() {
    for (body, fault) in [
        ("", LogBodyFault::Empty),
        (" \r\n\t", LogBodyFault::Empty),
        ("[", LogBodyFault::NotAnArray),
        ("[{}", LogBodyFault::NotAnArray),
        ("[{}]]", LogBodyFault::NotAnArray),
        ("[{}] x", LogBodyFault::NotAnArray),
        ("[{}]\n{}", LogBodyFault::NotAnArray),
        (r#"[{"a":"]"#, LogBodyFault::NotAnArray),
    ] {
        assert_eq!(entries(body.as_bytes()), Err(fault), "{body}");
    }
    let many = |number| format!("[{}]", vec!["{}"; number].join(","));
    assert_eq!(entries(many(MOST_LOG_ENTRIES).as_bytes()).unwrap().len(), MOST_LOG_ENTRIES);
    assert_eq!(entries(many(MOST_LOG_ENTRIES + 1).as_bytes()), Err(LogBodyFault::TooMany));
    assert_eq!(entries("{}\n".repeat(MOST_LOG_ENTRIES + 1).as_bytes()), Err(LogBodyFault::TooMany));
}

#[test]
fn an_entry_that_cannot_be_read_takes_no_other_with_it() {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MOST_ENTRY_BYTES));
    let unfit =
        [r#"{"a":1,"a":2}"#, &deep, &long, "[]", "1", "null", r#""text""#, r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#];
    for bad in unfit {
        for body in [format!("{{\"n\":1}}\n{bad}\n{{\"n\":2}}\n"), format!("[{{\"n\":1}},{bad},{{\"n\":2}}]")] {
            let found = entries(body.as_bytes()).unwrap();
            let shown = bad.get(..40).unwrap_or(bad);
            assert_eq!((found.len(), &found[0]), (3, &Ok(json!({"n": 1}))), "{shown}");
            assert!(matches!(&found[1], Err(LogEntryFault::Unfit(_))), "{shown}: {:?}", found[1]);
            assert_eq!(found[2], Ok(json!({"n": 2})), "{shown}");
        }
    }
    for bad in [&b"x"[..], b"{", b"{]", b"{}x", b"{\"a\":\"\xff\"}", b"{\"a\":\"\x01\"}", b"\xef\xbb\xbf{}"] {
        let body = [b"{\"n\":1}\n", bad].concat();
        let found = entries(&body).unwrap();
        assert!(matches!(&found[..], [Ok(_), Err(LogEntryFault::NotJson(_))]), "{bad:?}: {found:?}");
    }
    // Between commas there must be something.
    assert!(entries(b"[{},]").unwrap().iter().any(|entry| matches!(entry, Err(LogEntryFault::NotJson(_)))));
    assert!(entries(b"[,{}]").unwrap().iter().any(|entry| matches!(entry, Err(LogEntryFault::NotJson(_)))));
}

/// Objects as they may come, with everything in their strings that could fool a reader that does not look.
fn object() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map(r#"[a-z"\\\[\]{},:]{0,4}"#, r#"[ -~é\n]{0,8}"#, 0..4)
        .prop_map(|members| json!(members))
}

proptest! {
    #[test]
    fn a_body_is_cut_where_the_library_cuts_it(objects in proptest::collection::vec(object(), 0..6), pretty: bool) {
        let array = if pretty { serde_json::to_string_pretty(&objects) } else { serde_json::to_string(&objects) }.unwrap();
        prop_assert_eq!(read(&array), objects.clone());
        let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
        let expected = if objects.is_empty() { Err(LogBodyFault::Empty) } else { Ok(objects.into_iter().map(Ok).collect()) };
        prop_assert_eq!(entries(lines.as_bytes()), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in r#"[\[\]{}",:\\a1 \n]{0,60}"#) {
        drop(entries(&bytes));
        drop(entries(text.as_bytes()));
        drop(entries(&[b"[", text.as_bytes(), b"]"].concat()));
    }

    #[test]
    fn an_array_is_never_taken_for_less_than_it_is(text in r#"[\[\]{}",:\\a1 ]{0,40}"#) {
        // Where the library reads an array of objects, the same ones are found.
        if let Ok(Value::Array(expected)) = serde_json::from_str::<Value>(&text) {
            let found = entries(text.as_bytes()).unwrap();
            prop_assert_eq!(found.len(), expected.len());
        }
    }
}
