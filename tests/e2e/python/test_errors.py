"""What an unfit request is told: a code to act on, a reason to match on, and the field to correct."""

import re
import time

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from curfew.v1 import revocation_pb2 as pb
from errors import refused
from server import SERVING
from tokens import KINDS

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def record(stub, user, issuer="pem", **options):
    subject = pb.Subject(issuer=issuer, subject=user)
    return stub.RecordLogout(pb.RecordLogoutRequest(subject=subject, **options), timeout=10)


def last_logout(stub, user, issuer="pem", **options):
    return stub.GetLastLogout(pb.GetLastLogoutRequest(issuer=issuer, subject=user, **options), timeout=10)


def at(seconds):
    return Timestamp(seconds=int(seconds))


def test_an_empty_subject_is_named(stub):
    with refused(INVALID, "INVALID_REQUEST") as said:
        last_logout(stub, "")
    assert list(said[0].fields) == ["subject"]
    with refused(INVALID, "INVALID_REQUEST") as said:
        record(stub, "")
    assert list(said[0].fields) == ["subject.subject"]


def test_an_empty_request_is_told_what_it_lacks(stub):
    with refused(INVALID, "INVALID_REQUEST") as said:
        stub.RecordLogout(pb.RecordLogoutRequest(), timeout=10)
    assert said[0].fields
    with refused(INVALID, "INVALID_REQUEST") as said:
        stub.ValidateToken(pb.ValidateTokenRequest(), timeout=10)
    assert list(said[0].fields) == ["token"]


@pytest.mark.parametrize("call", [record, last_logout])
@pytest.mark.parametrize("issuer", ["nobody", ""])
def test_an_unknown_issuer_is_told_the_configured_ones(stub, user, call, issuer):
    # Left out, it is ambiguous here: three are configured.
    with refused(INVALID, "UNKNOWN_ISSUER") as said:
        call(stub, user, issuer=issuer)
    for name in KINDS:
        assert name in said[0].message


@pytest.mark.parametrize("too_long", ["x" * 513, "€" * 171], ids=["ascii", "multibyte"])
def test_an_identifier_of_more_than_512_bytes_is_refused(stub, too_long):
    assert len(too_long.encode()) == 513
    with refused(INVALID, "INVALID_REQUEST") as said:
        record(stub, too_long)
    assert "512" in said[0].fields["subject.subject"]
    with refused(INVALID, "INVALID_REQUEST") as said:
        last_logout(stub, too_long)
    assert "512" in said[0].fields["subject"]


@pytest.mark.parametrize("longest", ["x" * 512, "€" * 170 + "xx"], ids=["ascii", "multibyte"])
def test_an_identifier_of_512_bytes_is_taken(stub, longest):
    assert len(longest.encode()) == 512
    record(stub, longest)
    assert last_logout(stub, longest).HasField("last_logout_time")


def test_a_logout_in_the_future_is_refused_and_told_by_how_much(stub, user):
    with refused(INVALID, "INVALID_REQUEST") as said:
        record(stub, user, logout_time=at(time.time() + 45))
    # 45 s less the fraction of a second cut off, and what the call took.
    ahead = re.search(r"\b(4[345])(\.\d+)? ?s", said[0].fields["logout_time"])
    assert ahead, said[0].fields["logout_time"]
    assert not last_logout(stub, user).HasField("last_logout_time"), "and nobody was locked out"


def test_a_logout_a_little_in_the_future_is_taken(stub, user):
    record(stub, user, logout_time=at(time.time() + 2))
    assert last_logout(stub, user).HasField("last_logout_time")


@pytest.mark.parametrize("unit, factor", [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)])
def test_a_time_in_the_wrong_unit_is_told_which_it_looks_like(stub, user, unit, factor):
    with refused(INVALID, "INVALID_REQUEST") as said:
        record(stub, user, logout_time=at(time.time() * factor))
    assert unit in said[0].fields["logout_time"]
    assert not last_logout(stub, user).HasField("last_logout_time")


def test_a_token_that_is_not_fit_logs_nobody_out(stub, issuers, user):
    token = issuers.token("secret", user, iss=KINDS["millis"][0])
    with refused(INVALID, "TOKEN_NOT_FIT") as said:
        stub.RecordLogout(pb.RecordLogoutRequest(token=token), timeout=10)
    assert said[0].metadata["verdict"] == "VERDICT_BAD_SIGNATURE"
    assert not last_logout(stub, user, issuer="millis").HasField("last_logout_time")


def test_an_expired_token_still_logs_its_user_out(stub, issuers, user):
    now = int(time.time())
    expired = issuers.token("pem", user, iat=now - 7200, exp=now - 3600)
    stub.RecordLogout(pb.RecordLogoutRequest(token=expired), timeout=10)
    assert last_logout(stub, user).HasField("last_logout_time")


@pytest.mark.parametrize("method, field", [("ValidateToken", 1), ("RecordLogout", 7)])
@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\xfd", b"eyJ\xc0\xaf", b"\xed\xa0\x80"], ids=["bytes", "overlong", "surrogate"])
def test_a_token_that_is_not_utf_8_is_the_callers_fault(curfew, method, field, raw):
    # Sent past the stub, which would not encode it: the field's tag, its length, and the bytes.
    message = bytes([field << 3 | 2, len(raw)]) + raw
    send = curfew.channel.unary_unary(f"/curfew.v1.RevocationService/{method}")
    with refused(INVALID, "INVALID_REQUEST"):
        send(message, timeout=10)
    assert curfew.check() == SERVING


@pytest.mark.parametrize("message", [b"\x0a\xff\x01short", b"\xff" * 11], ids=["cut off", "no tag"])
def test_bytes_that_are_no_message_are_the_callers_fault(curfew, message):
    send = curfew.channel.unary_unary("/curfew.v1.RevocationService/ValidateToken")
    with refused(INVALID, "INVALID_REQUEST"):
        send(message, timeout=10)


def test_a_request_of_far_more_than_a_mebibyte_is_refused(curfew, stub):
    with refused(INVALID, "INVALID_REQUEST") as said:
        stub.ValidateToken(pb.ValidateTokenRequest(token="x" * (2 << 20)), timeout=10)
    assert list(said[0].fields) == ["request"]
    assert curfew.check() == SERVING


def test_a_revision_not_reached_yet_is_unavailable(stub, issuers, user):
    ahead = last_logout(stub, user).revision + 1_000_000
    with refused(grpc.StatusCode.UNAVAILABLE, "REVISION_NOT_REACHED") as said:
        last_logout(stub, user, min_revision=ahead)
    assert said[0].retry_after > 0
    with refused(grpc.StatusCode.UNAVAILABLE, "REVISION_NOT_REACHED"):
        request = pb.ValidateTokenRequest(token=issuers.token("pem", user), min_revision=ahead)
        stub.ValidateToken(request, timeout=10)
