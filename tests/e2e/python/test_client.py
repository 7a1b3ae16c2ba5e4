"""The three RPCs from Python: login, check, logout, refused, log in again, honoured; in every format of the claim."""

import time
from datetime import datetime, timezone

import pytest
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp

from curfew.v1 import revocation_pb2 as pb
from tokens import ABSENT, AUDIENCE, CLIENT_ID, KINDS, LAST_LOGOUT


def validate(stub, token, **options):
    return stub.ValidateToken(pb.ValidateTokenRequest(token=token, **options), timeout=10)


def verdict(stub, token):
    return pb.Verdict.Name(validate(stub, token).verdict)


def log_out(stub, issuer, user, **options):
    subject = pb.Subject(issuer=issuer, subject=user)
    return stub.RecordLogout(pb.RecordLogoutRequest(subject=subject, **options), timeout=10)


def last_logout(stub, issuer, user, **options):
    return stub.GetLastLogout(pb.GetLastLogoutRequest(issuer=issuer, subject=user, **options), timeout=10)


def timestamp(millis):
    return Timestamp(seconds=millis // 1000, nanos=millis % 1000 * 1_000_000)


def claim_value(answer):
    """The google.protobuf.Value as Python has it."""
    return json_format.MessageToDict(answer.claim_value)


@pytest.fixture(params=KINDS)
def issuer(request):
    return request.param


def test_the_whole_story_with_each_kind_of_key_and_each_format_of_the_claim(stub, issuers, issuer, user):
    first = issuers.token(issuer, user, **{LAST_LOGOUT: claim_value(last_logout(stub, issuer, user))})
    assert verdict(stub, first) == "VERDICT_VALID"

    logout = log_out(stub, issuer, user, reason=pb.LOGOUT_REASON_USER_LOGOUT)
    assert logout.advanced
    assert verdict(stub, first) == "VERDICT_SUBJECT_LOGGED_OUT"

    answer = last_logout(stub, issuer, user)
    assert answer.last_logout_time == logout.logout.logout_time
    assert answer.reason == pb.LOGOUT_REASON_USER_LOGOUT
    again = issuers.token(issuer, user, **{LAST_LOGOUT: claim_value(answer)})
    assert verdict(stub, again) == "VERDICT_VALID"
    assert verdict(stub, first) == "VERDICT_SUBJECT_LOGGED_OUT"


def test_logging_straight_back_in_works_every_time(stub, issuers, issuer, user):
    tokens = [issuers.token(issuer, user)]
    for _ in range(20):
        log_out(stub, issuer, user)
        claim = claim_value(last_logout(stub, issuer, user))
        tokens.append(issuers.token(issuer, user, **{LAST_LOGOUT: claim}))
        assert verdict(stub, tokens[-1]) == "VERDICT_VALID"
    assert {verdict(stub, old) for old in tokens[:-1]} == {"VERDICT_SUBJECT_LOGGED_OUT"}


@pytest.mark.parametrize("knew_of_a_logout", [False, True], ids=["null", "an earlier logout"])
def test_a_claim_spares_comparing_clocks(stub, issuers, user, knew_of_a_logout):
    # The issuer's clock is ahead of Curfew's: by its `iat`, this token was issued after the logout. Its claim says
    # that it was not.
    if knew_of_a_logout:
        log_out(stub, "pem", user)
    claim = claim_value(last_logout(stub, "pem", user))
    ahead = int(time.time()) + 3
    token = issuers.token("pem", user, iat=ahead, exp=ahead + 3600, **{LAST_LOGOUT: claim})
    assert verdict(stub, token) == "VERDICT_VALID"

    log_out(stub, "pem", user)

    assert verdict(stub, token) == "VERDICT_SUBJECT_LOGGED_OUT"


def test_without_a_claim_only_a_token_issued_provably_later_is_honoured(stub, issuers, user):
    before = issuers.token("pem", user)
    cutoff = log_out(stub, "pem", user).logout.logout_time
    # Of the same second, and so refused even though it was issued later: nothing in it proves that.
    same_second = issuers.token("pem", user, iat=cutoff.seconds)
    later = issuers.token("pem", user, iat=cutoff.seconds + 1)
    assert [verdict(stub, token) for token in (before, same_second, later)] == [
        "VERDICT_SUBJECT_LOGGED_OUT", "VERDICT_SUBJECT_LOGGED_OUT", "VERDICT_VALID"]


def test_the_claim_is_the_logout_time_to_the_millisecond(stub, issuer, user):
    time_of_event = int(time.time() * 1000) - 60_000
    time_of_event += 7 - time_of_event % 10  # not a round one
    log_out(stub, issuer, user, logout_time=timestamp(time_of_event))

    claim = claim_value(last_logout(stub, issuer, user))

    as_datetime = {
        "rfc3339": lambda: datetime.fromisoformat(claim),
        "seconds": lambda: datetime.fromtimestamp(claim, timezone.utc),
        "milliseconds": lambda: datetime.fromtimestamp(claim / 1000, timezone.utc),
    }[KINDS[issuer][2]]()
    assert isinstance(claim, str if KINDS[issuer][2] == "rfc3339" else float)
    assert round(as_datetime.timestamp() * 1000) == time_of_event


def test_a_user_who_never_logged_out_is_an_answer(stub, issuer, user):
    answer = last_logout(stub, issuer, user)
    assert not answer.HasField("last_logout_time")
    assert answer.claim_value.WhichOneof("kind") == "null_value"
    assert answer.reason == pb.LOGOUT_REASON_UNSPECIFIED


def test_a_token_tells_whose_it_is_and_its_claims_when_asked(stub, issuers, user):
    token = issuers.token("pem", user, tenant={"id": 7, "tags": ["a", None]})
    answer = validate(stub, token, include_claims=True, audiences=[AUDIENCE])
    assert answer.valid, answer.detail
    assert (answer.token.issuer, answer.token.subject, answer.token.client_id) == (KINDS["pem"][0], user, CLIENT_ID)
    assert json_format.MessageToDict(answer.claims)["tenant"] == {"id": 7, "tags": ["a", None]}


def test_the_issuer_may_be_named_by_its_address(stub, issuers, user):
    token = issuers.token("secret", user)
    log_out(stub, KINDS["secret"][0], user)
    assert verdict(stub, token) == "VERDICT_SUBJECT_LOGGED_OUT"


def test_the_same_subject_at_two_issuers_is_two_people(stub, issuers, user):
    log_out(stub, "secret", user)
    assert verdict(stub, issuers.token("pem", user)) == "VERDICT_VALID"


@pytest.mark.parametrize("claimed", ["pem", "secret"])
def test_an_issuer_cannot_sign_for_another(stub, issuers, user, claimed):
    signer = {"pem": "secret", "secret": "millis"}[claimed]
    token = issuers.token(signer, user, iss=KINDS[claimed][0])
    expected = {"pem": "VERDICT_ALGORITHM_NOT_ALLOWED", "secret": "VERDICT_BAD_SIGNATURE"}[claimed]
    assert verdict(stub, token) == expected


def test_a_logout_at_one_client_leaves_the_others_alone(stub, issuers, user):
    here, there = (issuers.token("pem", user, client_id=client) for client in ("here", "there"))
    subject = pb.Subject(issuer="pem", subject=user, client_id="here")
    stub.RecordLogout(pb.RecordLogoutRequest(subject=subject), timeout=10)
    assert verdict(stub, here) == "VERDICT_SUBJECT_LOGGED_OUT"
    assert verdict(stub, there) == "VERDICT_VALID"
    assert last_logout(stub, "pem", user, client_id="here").HasField("last_logout_time")
    assert not last_logout(stub, "pem", user, client_id="there").HasField("last_logout_time")


def test_recording_is_a_join(stub, user):
    late = log_out(stub, "pem", user)
    earlier = late.logout.logout_time.ToMilliseconds() - 60_000

    answer = log_out(stub, "pem", user, logout_time=timestamp(earlier))

    assert not answer.advanced
    assert answer.logout.logout_time == late.logout.logout_time, "the later logout stays in force"
    assert answer.revision == late.revision


def test_an_answer_can_be_asked_to_include_a_logout(stub, issuers, user):
    token = issuers.token("pem", user)
    revision = log_out(stub, "pem", user).revision
    answer = validate(stub, token, min_revision=revision)
    assert answer.revision >= revision
    assert not answer.valid
    assert last_logout(stub, "pem", user, min_revision=revision).HasField("last_logout_time")


UNFIT = {
    "issuer not configured": ({"iss": "https://nobody.example.test/"}, "VERDICT_UNKNOWN_ISSUER"),
    "other audience": ({"aud": "https://other.example.test"}, "VERDICT_WRONG_AUDIENCE"),
    "no issuer": ({"iss": ABSENT}, "VERDICT_MISSING_CLAIM"),
    "no subject": ({"sub": ABSENT}, "VERDICT_MISSING_CLAIM"),
    "no audience": ({"aud": ABSENT}, "VERDICT_MISSING_CLAIM"),
    "no issue time": ({"iat": ABSENT}, "VERDICT_MISSING_CLAIM"),
    "no expiry": ({"exp": ABSENT}, "VERDICT_MISSING_CLAIM"),
    "expired": ({"iat": 1_000_000_000, "exp": 1_000_003_600}, "VERDICT_EXPIRED"),
    "not yet valid": ({"nbf": 9_000_000_000}, "VERDICT_NOT_YET_VALID"),
    "issued in the future": ({"iat": 9_000_000_000, "exp": 9_000_003_600}, "VERDICT_ISSUED_IN_FUTURE"),
    "good for too long": ({"exp": 9_000_000_000}, "VERDICT_LIFETIME_TOO_LONG"),
    "time in words": ({"auth_time": "yesterday"}, "VERDICT_MALFORMED"),
    "claim from the future": ({LAST_LOGOUT: "2999-01-01T00:00:00Z"}, "VERDICT_IMPOSSIBLE_CLAIM"),
    "claim of another type": ({LAST_LOGOUT: 1_700_000_000}, "VERDICT_MALFORMED"),
}


@pytest.mark.parametrize("changes, expected", UNFIT.values(), ids=UNFIT)
def test_an_unfit_token_is_an_answer_with_its_reason(stub, issuers, user, changes, expected):
    answer = validate(stub, issuers.token("pem", user, **changes))
    assert pb.Verdict.Name(answer.verdict) == expected, answer.detail
    assert not answer.valid
    assert answer.detail


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "..", "x" * (16 * 1024 + 1)], ids=lambda token: token[:8])
def test_text_that_is_no_token_is_malformed(stub, token):
    assert verdict(stub, token) == "VERDICT_MALFORMED"
