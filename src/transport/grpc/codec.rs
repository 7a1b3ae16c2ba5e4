//! How messages are read from the wire: as the library does it, but with an error that a caller can act on.
//!
//! The library answers bytes that are no such message with `INTERNAL`, as if the fault were ours. Here they are answered
//! `INVALID_ARGUMENT`, with the field that could not be read.

use std::marker::PhantomData;

use prost::{Message, bytes::Buf};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::ProstEncoder;

use super::status::to_status;
use crate::service::ServiceError;

/// The largest request. A token of 1 MiB must be answered (`MALFORMED`), not cut off, so that it is a little more.
const MOST_BYTES: usize = (1 << 20) + 4096;

/// Reads `D` and writes `E`.
#[derive(Debug, Clone, Copy)]
pub struct StrictCodec<E, D>(PhantomData<(E, D)>);

/// Reads `D`.
#[derive(Debug, Clone, Copy)]
pub struct StrictDecoder<D>(PhantomData<D>);

impl<D> Default for StrictDecoder<D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> Default for StrictCodec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E: Message + Send + 'static, D: Message + Default + Send + 'static> Codec for StrictCodec<E, D> {
    type Encode = E;
    type Decode = D;
    type Encoder = ProstEncoder<E>;
    type Decoder = StrictDecoder<D>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder::default()
    }
}

impl<D: Message + Default> Decoder for StrictDecoder<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        let length = bytes.remaining();
        if length > MOST_BYTES {
            let description = format!("is {length} bytes long; at most {MOST_BYTES} are read");
            return Err(to_status(&ServiceError::invalid("request", description)));
        }
        D::decode(bytes).map(Some).map_err(|error| to_status(&unreadable(&error.to_string())))
    }
}

/// The error for a message that could not be read. The library names the field only in its text:
/// `failed to decode Protobuf message: Subject.subject: RecordLogoutRequest.target: invalid string value: …`.
fn unreadable(text: &str) -> ServiceError {
    let text = text.strip_prefix("failed to decode Protobuf message: ").unwrap_or(text);
    let mut path = Vec::new();
    let mut rest = text;
    while let Some((segment, after)) = rest.split_once(": ") {
        match segment.split_once('.') {
            Some((_message, field)) if !segment.contains(' ') => path.push(field),
            _ => break,
        }
        rest = after;
    }
    path.reverse();
    let field = if path.is_empty() { "request".to_owned() } else { path.join(".") };
    ServiceError::invalid(field, format!("cannot be read: {rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::grpc::pb;

    fn fault<M: Message + Default + std::fmt::Debug>(bytes: &[u8]) -> String {
        unreadable(&M::decode(bytes).unwrap_err().to_string()).to_string()
    }

    #[test]
    fn the_field_that_cannot_be_read_is_named() {
        let token = fault::<pb::ValidateTokenRequest>(b"\x0a\x02\xff\xfe");
        assert!(token.starts_with("token cannot be read") && token.contains("UTF-8"), "{token}");
        let nested = fault::<pb::RecordLogoutRequest>(b"\x0a\x04\x12\x02\xff\xfe");
        assert!(nested.contains("subject cannot be read"), "{nested}");
        let wrong_shape = fault::<pb::ValidateTokenRequest>(b"\x08\x01");
        assert!(wrong_shape.starts_with("token cannot be read"), "{wrong_shape}");
        let cut_off = fault::<pb::ValidateTokenRequest>(b"\x0a\xff");
        assert!(cut_off.contains("cannot be read"), "{cut_off}");
    }
}
