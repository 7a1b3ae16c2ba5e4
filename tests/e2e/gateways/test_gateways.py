"""What passes a real proxy that asks Curfew, and what the backend behind it is told. Nothing else ever reaches it."""

import pytest

from conftest import AUDIENCE, ISSUER
from processes import until

NAMES = ["Issuer", "Subject", "Client-Id", "Session-Id", "Token-Id"]


def identity(answer):
    """What the backend takes for Curfew's word: most take `_` for `-`, and all ignore case. Empty is as good as absent."""
    said = {}
    for name, value in answer.seen["headers"]:
        name = name.lower().replace("_", "-")
        if name.startswith("x-curfew") and value:
            assert name not in said, f"{name} is there twice: {answer.seen}"
            said[name] = value
    return said


def expected(subject, **more):
    return {"x-curfew-issuer": ISSUER, "x-curfew-subject": subject} | {
        f"x-curfew-{name.replace('_', '-')}": value for name, value in more.items() if value}


def challenge(answer):
    assert answer.status == 401
    return answer.headers["WWW-Authenticate"]


def test_who_has_no_token_does_not_pass(setting):
    assert challenge(setting.send()) == 'Bearer realm="curfew"'
    assert challenge(setting.send(("Authorization", "Basic YTpi"))) == 'Bearer realm="curfew"'


def test_who_has_a_good_token_passes_and_the_backend_is_told_who_it_is(setting):
    answer = setting.send_as(setting.token("ann", jti="t1"), path="/orders?page=2")
    assert answer.status == 200 and answer.seen["path"] == "/orders?page=2"
    assert identity(answer) == expected("ann", client_id="web", session_id="session%20of%20ann", token_id="t1")
    answer = setting.send_as(setting.token("jörg 50%", client_id=None, sid=None, jti=None))
    assert identity(answer) == expected("j%C3%B6rg%2050%25")


def test_a_token_that_is_no_good_does_not_pass(setting):
    good = setting.token("ann")
    for bad in ["x", good[:-4], setting.token("ann", exp=1_700_000_000), setting.token("ann", aud="https://else.test")]:
        assert 'error="invalid_token"' in challenge(setting.send_as(bad)), bad


def test_who_has_logged_out_does_not_pass(setting):
    token, other = setting.token("leaver"), setting.token("stayer")
    assert setting.send_as(token).status == 200
    setting.curfew.log_out("leaver")
    assert challenge(setting.send_as(token)) == (
        'Bearer realm="curfew", error="invalid_token", error_description="The user has logged out."')
    assert setting.send_as(other).status == 200


SPOOFED = [
    [(f"X-Curfew-{name}", "admin") for name in NAMES],
    [(f"x-curfew-{name.lower()}", "admin") for name in NAMES],
    [(f"X-CURFEW-{name.upper()}", "admin") for name in NAMES],
    [(f"X_Curfew_{name.replace('-', '_')}", "admin") for name in NAMES],
    [(f"X-Curfew_{name}", "admin") for name in NAMES],
    [(f"X_Curfew-{name}", "admin") for name in NAMES],
    [(f"X-Curfew-{name.replace('-', '_')}", "admin") for name in NAMES],
    [(f"X-Curfew-{name}", value) for name in NAMES for value in ["admin", "", "root"]],
    [(f"X-Curfew-{name}", "") for name in NAMES],
    [("X-Curfew-Admin", "yes"), ("X-Curfew", "yes")],
]


@pytest.mark.parametrize("spoofed", SPOOFED, ids=range(len(SPOOFED)))
def test_what_a_client_says_it_is_never_reaches_the_backend(setting, spoofed):
    assert challenge(setting.send(*spoofed)) == 'Bearer realm="curfew"'
    full, bare = setting.token("ann", jti="t1"), setting.token("ann", client_id=None, sid=None, jti=None)
    own = {f"x-curfew-{name.lower()}" for name in NAMES}

    def said(answer):
        assert answer.status == 200
        assert "admin" not in identity(answer).values()
        return {name: value for name, value in identity(answer).items() if name in own}

    assert said(setting.send_as(full, *spoofed)) == expected(
        "ann", client_id="web", session_id="session%20of%20ann", token_id="t1")
    # What the token does not say is where a client's own words could slip through.
    assert said(setting.send_as(bare, *spoofed)) == expected("ann")


@pytest.mark.parametrize("name", NAMES + ["Anything"])
def test_no_client_can_take_away_what_the_backend_is_told(setting, name):
    answer = setting.send_as(setting.token("ann", jti="t1"), ("Connection", f"close, x-curfew-{name.lower()}"))
    if answer.status == 200:
        assert identity(answer) == expected(
            "ann", client_id="web", session_id="session%20of%20ann", token_id="t1")
    else:
        assert answer.status == 400


def test_an_authorization_that_cannot_be_read_does_not_pass(setting):
    good = f"Bearer {setting.token('ann')}"
    for unreadable in [[good, good], [good, "Basic YTpi"], ["Bearer"], [good + "\xe9"]]:
        answer = setting.send(*(("Authorization", value) for value in unreadable))
        assert answer.status in (400, 401), unreadable
        # Two of them nginx refuses by itself, without asking.
        asked = setting.proxy.name != "nginx" or len(unreadable) == 1
        expected = 'Bearer realm="curfew", error="invalid_request"' if asked else None
        assert answer.headers["WWW-Authenticate"] == expected, unreadable


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_body_goes_to_the_backend_alone(setting, method, chunked):
    body = b"x" * 100_000
    answer = setting.send_as(setting.token("ann"), method=method, body=body, chunked=chunked)
    assert (answer.status, answer.seen["method"], len(answer.seen["body"])) == (200, method, len(body))
    assert setting.send(method=method, body=b"x", chunked=chunked).status == 401


def test_what_a_client_asks_of_the_backend_is_not_asked_of_curfew(setting):
    for query in ["audience=https://else.test", "audience=", f"audience={AUDIENCE}", "audience=x&" * 17]:
        assert setting.send_as(setting.token("ann"), path=f"/?{query}").status == 200, query
        assert setting.send(path=f"/?{query}").status == 401, query


def test_nobody_asks_curfew_through_the_proxy(setting):
    for path in ["/_curfew", "/forward-auth", "/_curfew/", "//_curfew", "/%5Fcurfew"]:
        for answer in [setting.send(path=path), setting.send_as(setting.token("ann"), path=path)]:
            # What the backend says to it is the backend's business.
            assert answer.seen or answer.status in (401, 404), path
            assert not answer.headers["X-Curfew-Subject"], path


def test_what_curfew_cannot_decide_does_not_pass(setting):
    # That secret signs nothing there; but while an issuer's keys cannot be had, not even that can be told.
    answer = setting.send_as(setting.token("ann", iss="https://down.example.test"))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


def test_while_curfew_is_down_nobody_passes_and_then_as_before(setting):
    good, gone = setting.token("ann"), setting.token("late leaver")
    assert setting.send_as(good).status == setting.send_as(gone).status == 200
    setting.curfew.log_out("late leaver")
    setting.curfew.stop(kill=True)
    for answer in [setting.send_as(good), setting.send_as(gone), setting.send()]:
        assert answer.status in (502, 503), answer.status
    setting.curfew.start()
    until("whoever may pass does again", lambda: setting.send_as(good).status == 200)
    assert setting.send_as(gone).status == 401
    assert setting.send().status == 401
