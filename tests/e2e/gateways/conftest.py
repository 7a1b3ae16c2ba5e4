"""The setting of every test here: a client, a real proxy, a backend, and Curfew, which the proxy asks."""

import http.client
import json
import secrets
import signal
import time
import uuid
from types import SimpleNamespace

import jwt
import pytest

from backend import Backend
from processes import DEADLINE, Caddy, Curfew, Nginx

ISSUER = "https://op.example.test"
AUDIENCE = "https://api.example.test"

# A runner that is told to stop ends the tests as Ctrl-C does, so that every process is stopped.
signal.signal(signal.SIGTERM, signal.default_int_handler)


class Setting:
    """One proxy, and all that belongs to it."""

    def __init__(self, secret, curfew, backend, proxy):
        self._secret, self.curfew, self.backend, self.proxy = secret, curfew, backend, proxy

    def token(self, subject, **changes):
        """A token of a minute ago, for an hour; a claim changed to None is left out."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": subject, "aud": AUDIENCE, "iat": now - 60, "exp": now + 3600,
            "jti": str(uuid.uuid4()), "sid": f"session of {subject}", "client_id": "web",
        } | changes
        claims = {claim: value for claim, value in claims.items() if value is not None}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def send(self, *headers, method="GET", path="/", body=None, chunked=False):
        """Sends a request with just these headers, and returns the answer; `seen` is what the backend got, if anything."""
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=DEADLINE)
        before = self.backend.count
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if chunked:
                connection.putheader("Transfer-Encoding", "chunked")
            elif body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(iter([body]) if chunked else body, encode_chunked=chunked)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        reached = self.backend.count - before
        assert reached == (response.status == 200), f"{response.status}: the backend was reached {reached} times"
        return SimpleNamespace(
            status=response.status, headers=response.headers, text=text, seen=json.loads(text) if reached else None)

    def send_as(self, token, *headers, **more):
        return self.send(("Authorization", f"Bearer {token}"), *headers, **more)


@pytest.fixture(scope="module", params=[Nginx, Caddy], ids=["nginx", "caddy"])
def setting(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param.name)
    secret = secrets.token_hex(32)
    (directory / "secret").write_text(secret)
    issuers = f"""
[[issuer]]
name = "op"
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
algorithms = ["HS256"]
keys = {{ hmac_secret_file = "{directory / 'secret'}" }}
session_claim = "sid"
[[issuer]]
name = "down"
issuer = "https://down.example.test"
audiences = ["{AUDIENCE}"]
algorithms = ["RS256"]
keys = {{ jwks_url = "http://127.0.0.1:1/" }}
"""
    for part in ["curfew", "proxy"]:
        (directory / part).mkdir()
    with Backend() as backend, Curfew(directory / "curfew", issuers) as curfew:
        with request.param(directory / "proxy", curfew.address, backend.address) as proxy:
            yield Setting(secret, curfew, backend, proxy)
            assert "eyJ" not in curfew.log(), "a token is in Curfew's log"
