//! The protocol's messages as canonical JSON, for callers without gRPC and for people.
//!
//! Fields without a value are written with their default (`"valid": false`), so that a reader need not know it; times are
//! strings as in RFC 3339, 64-bit numbers are strings. What is read may name fields as the protocol does or in camel case;
//! an unknown field is an error.

use std::fmt;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::{Map, Value};

use super::grpc::FILE_DESCRIPTOR_SET;

/// The longest word of an error: enough for a name, too little for a token.
const MOST_QUOTED: usize = 48;

/// The protocol's messages.
#[derive(Debug, Clone)]
pub struct Messages(DescriptorPool);

/// Why a message could not be read or written. Never holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MessageError(String);

impl MessageError {
    fn of(error: impl fmt::Display) -> Self {
        Self(without_long_words(&error.to_string()))
    }
}

impl Messages {
    /// As they were compiled.
    ///
    /// # Errors
    /// When the compiled protocol is damaged.
    pub fn new() -> Result<Self, MessageError> {
        DescriptorPool::decode(FILE_DESCRIPTOR_SET).map(Self).map_err(MessageError::of)
    }

    /// The message of this name in `curfew.v1`, as JSON on one line.
    ///
    /// # Errors
    /// When it is no such message.
    pub fn write<M: Message>(&self, name: &str, message: &M) -> Result<String, MessageError> {
        let mut dynamic = DynamicMessage::new(self.named(name)?);
        dynamic.transcode_from(message).map_err(MessageError::of)?;
        let mut serializer = serde_json::Serializer::new(Vec::new());
        let options = SerializeOptions::new().skip_default_fields(false);
        dynamic.serialize_with_options(&mut serializer, &options).map_err(MessageError::of)?;
        String::from_utf8(serializer.into_inner()).map_err(MessageError::of)
    }

    /// The message of this name in `curfew.v1` that a JSON object stands for.
    ///
    /// # Errors
    /// When it has another field or another type than the protocol says.
    pub fn read<M: Message + Default>(&self, name: &str, object: Map<String, Value>) -> Result<M, MessageError> {
        let dynamic =
            DynamicMessage::deserialize(self.named(name)?, Value::Object(object)).map_err(MessageError::of)?;
        dynamic.transcode_to().map_err(MessageError::of)
    }

    fn named(&self, name: &str) -> Result<MessageDescriptor, MessageError> {
        let full = format!("curfew.v1.{name}");
        self.0.get_message_by_name(&full).ok_or_else(|| MessageError(format!("there is no message {full}")))
    }
}

/// The libraries quote what they could not read, which may be a token: that is a long word.
fn without_long_words(text: &str) -> String {
    let short = |word| if str::len(word) > MOST_QUOTED { "…" } else { word };
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::transport::grpc::pb;

    fn read(value: &Value) -> Result<pb::ValidateTokenRequest, String> {
        let object = value.as_object().unwrap().clone();
        Messages::new().unwrap().read("ValidateTokenRequest", object).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_may_be_named_either_way() {
        for value in [json!({"token": "t", "minRevision": "7"}), json!({"token": "t", "min_revision": 7})] {
            let request = read(&value).unwrap();
            assert_eq!((request.token.as_str(), request.min_revision), ("t", 7));
        }
    }

    #[test]
    fn what_is_no_such_message_is_named_and_no_token_is_quoted() {
        let token = "eyJ".repeat(40);
        for (value, expected) in [
            (json!({"tokn": "t"}), "tokn"),
            (json!({"token": 5}), "string"),
            (json!({"minRevision": token}), "digit"),
            (json!({ token.clone(): 1 }), "…"),
            (json!({"token": "t", "audiences": "a"}), "\"a\""),
        ] {
            let error = read(&value).unwrap_err();
            assert!(error.contains(expected), "{value}: {error}");
            assert!(!error.contains("eyJ"), "{error}");
        }
    }

    #[test]
    fn defaults_are_written() {
        let written = Messages::new().unwrap().write("ValidateTokenResponse", &pb::ValidateTokenResponse::default());
        let value: Value = serde_json::from_str(&written.unwrap()).unwrap();
        assert_eq!((&value["valid"], &value["revision"]), (&json!(false), &json!("0")));
    }

    proptest! {
        #[test]
        fn a_message_comes_back_as_it_was_written(token in ".{0,40}", audiences in proptest::collection::vec(".{0,9}", 0..3),
                                                  min_revision in any::<u64>(), include_claims in any::<bool>()) {
            let request = pb::ValidateTokenRequest { token, audiences, min_revision, include_claims };
            let written = Messages::new().unwrap().write("ValidateTokenRequest", &request).unwrap();
            prop_assert_eq!(read(&serde_json::from_str(&written).unwrap()), Ok(request));
        }
    }
}
