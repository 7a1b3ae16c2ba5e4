"""Requests byte by byte, so that no load generator needs the protocol, and a client that checks one answer."""

import grpc

from .processes import Trouble

SERVICE = "/curfew.v1.RevocationService"
VALIDATE = f"{SERVICE}/ValidateToken"
RECORD = f"{SERVICE}/RecordLogout"
LAST_LOGOUT = f"{SERVICE}/GetLastLogout"
ECHO = "/curfew.bench.v1.EchoService/Echo"
HEALTH = "/grpc.health.v1.Health/Check"
VALID = 1
SERVING = 1


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text_field(number, value):
    data = value if isinstance(value, bytes) else value.encode()
    return varint(number << 3 | 2) + varint(len(data)) + data


def validate_request(token):
    return text_field(1, token)


def record_request(issuer, subject):
    return text_field(1, text_field(1, issuer) + text_field(2, subject))


def last_logout_request(issuer, subject):
    return text_field(1, issuer) + text_field(2, subject)


def frame(message):
    """A gRPC message as it stands in the body of an HTTP/2 request."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def fields(message):
    """The numbers and values at the top level of a message: whole numbers, or bytes."""
    found, at = {}, 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _read_varint(message, at)
        elif kind == 2:
            length, at = _read_varint(message, at)
            value, at = message[at:at + length], at + length
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
            value, at = message[at:at + length], at + length
        else:
            raise Trouble(f"not a protobuf message: wire type {kind}")
        if at > len(message):
            raise Trouble("not a protobuf message: it ends in the middle")
        found[key >> 3] = value
    return found


def call(address, method, body, timeout=10):
    """One unary call; Trouble unless it ends with grpc-status 0."""
    with grpc.insecure_channel(address) as channel:
        try:
            # No serialiser: bytes go in and come out.
            return channel.unary_unary(method)(body, timeout=timeout)
        except grpc.RpcError as error:
            raise Trouble(f"{method} at {address}: {error.code().name}: {error.details()}") from None


def check_valid(address, token):
    """Asks about the token, insists on VALID, and returns the answer's length."""
    answer = call(address, VALIDATE, validate_request(token))
    verdict = fields(answer).get(2)
    if verdict != VALID:
        detail = fields(answer).get(3, b"").decode(errors="replace")
        raise Trouble(f"the token was answered with verdict {verdict}, not VALID: {detail}")
    return len(answer)


def _read_varint(message, at):
    value = shift = 0
    while True:
        if at >= len(message):
            raise Trouble("not a protobuf message: it ends in the middle")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
