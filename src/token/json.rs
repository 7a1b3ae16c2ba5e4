//! JSON objects from outside, read strictly.
//!
//! A member that appears twice is an error at any depth (RFC 7519, section 4, leaves the choice; of two parsers that
//! choose differently one can be fooled). Nesting is bounded, so that no input can exhaust the stack.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How deep objects and arrays may nest. Claims of real providers nest three or four deep.
const MAX_DEPTH: u8 = 16;

/// Why a text is not a JSON object that is accepted; the text itself is never in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

/// Reads one JSON object and nothing after it.
///
/// # Errors
/// [`JsonError`] when it is not UTF-8 or not JSON, not an object, nests too deep, or names a member twice.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|error| plain(&error))?;
    reader.end().map_err(|error| plain(&error))?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError("not a JSON object".to_owned())),
    }
}

/// The library's message may quote the input where it has the wrong type; here types are not checked, so that it speaks
/// of syntax and position alone.
fn plain(error: &serde_json::Error) -> JsonError {
    JsonError(error.to_string())
}

/// Reads any JSON value at the given depth.
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.deeper()?)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member appears twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duplicated_member_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":{"b":1,"b":1}}"#, r#"{"a":[{"b":1,"\u0062":1}]}"#] {
            let error = parse_object(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("appears twice"), "{text}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_object(nested(15).as_bytes()).is_ok());
        for depth in [17, 127, 100_000] {
            assert!(parse_object(nested(depth).as_bytes()).is_err(), "{depth}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "null", "[]", "1", "{", r#"{"a":1}x"#, r#"{"a":1e999}"#, "{\"a\":\"\u{1}\"}"] {
            assert!(parse_object(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse_object(b"{\"a\":\"\xff\"}").is_err());
    }

    proptest! {
        #[test]
        fn it_never_panics_and_agrees_with_the_library_where_it_accepts(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(object) = parse_object(&bytes) {
                prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), Value::Object(object));
            }
        }

        #[test]
        fn it_reads_what_the_library_writes(text in r#"\{"[a-z]{1,3}":(null|true|-?[0-9]{1,18}|"[a-z]*"|\[\]|\{\})\}"#) {
            let ours = parse_object(text.as_bytes()).map(Value::Object);
            prop_assert_eq!(ours.ok(), serde_json::from_str::<Value>(&text).ok());
        }
    }
}
