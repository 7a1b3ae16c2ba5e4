"""Two identity providers that introspect their own tokens (RFC 7662): oidc-provider in Node.js, and Keycloak."""

import base64
import json
import os
import secrets
import shutil
import urllib.error
import urllib.parse
import urllib.request

from . import load
from .processes import Process, Trouble, run
from .redis import free_port

CLIENT = "bench"
FORM = "application/x-www-form-urlencoded"


class Provider(Process):
    """A provider that has issued one token, which is live; the subclasses say where its endpoints are."""

    def prepare(self, context, introspection, body):
        self._url = introspection
        self._body = context.work / "data" / f"{self.name}-introspection"
        self._body.parent.mkdir(parents=True, exist_ok=True)
        self._body.write_text(body)
        self.check_active()

    def request(self, url, body):
        request = urllib.request.Request(url, body.encode(), {"content-type": FORM, "authorization": self._basic()})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise Trouble(f"{self.name}: {url} answered {error.code}: {error.read(200)!r}") from None

    def check_active(self):
        """Insists that the very request that is measured is answered with active: true."""
        answer = self.request(self._url, self._body.read_text())
        if answer.get("active") is not True:
            raise Trouble(f"{self.name} does not take its own token for active: {answer}")
        return len(json.dumps(answer, separators=(",", ":")))

    def introspections(self, context, clients=64, warm_up=None):
        """Introspections a second over HTTP/1.1, on connections that stay."""
        length = self.check_active()
        rate = load.h2load(context, self._url, connections=clients, streams=1, body=self._body, http1=True, warm_up=warm_up,
                           # Where a request takes a second, a second is not enough.
                           seconds=max(3, context.seconds),
                           headers=(f"content-type: {FORM}", f"authorization: {self._basic()}"), answer_bytes=length)
        self.check_active()
        return rate

    def _basic(self):
        return "Basic " + base64.b64encode(f"{CLIENT}:{self._secret}".encode()).decode()


class OidcProvider(Provider):
    """oidc-provider, its tokens in memory."""

    def __init__(self, context):
        directory = context.tools / "peers-node"
        if not (directory / "node_modules" / "oidc-provider").exists():
            raise Trouble("oidc-provider is not installed")
        self._secret = secrets.token_hex(16)
        super().__init__("oidc-provider", ["node", directory / "provider.mjs"],
                         log=context.work / "data" / "oidc-provider.log",
                         env={"CLIENT_SECRET": self._secret, "NODE_ENV": "production"})
        try:
            address = self.wait_for_line(r"^provider: listening on (\S+)$", 60)[1]
            token = self.request(f"{address}/token", "grant_type=client_credentials")["access_token"]
            self.prepare(context, f"{address}/token/introspection", f"token={urllib.parse.quote(token)}")
        except BaseException:
            self.stop()
            raise


class Keycloak(Provider):
    """Keycloak in production mode, with its built-in database, and a user who has logged in."""

    def __init__(self, context):
        homes = sorted(context.tools.glob("keycloak-*/bin/kc.sh"))
        if not homes:
            raise Trouble("Keycloak is not installed")
        home = context.work / "data" / "keycloak"
        shutil.rmtree(home, ignore_errors=True)
        # It writes into its own directory, which is to stay as it was unpacked.
        shutil.copytree(homes[-1].parents[1], home)
        self._secret, password = secrets.token_hex(16), secrets.token_hex(16)
        imports = home / "data" / "import"
        imports.mkdir(parents=True)
        (imports / "bench.json").write_text(json.dumps(_realm(self._secret, password)))
        run([home / "bin" / "kc.sh", "build", "--db=dev-file"], timeout=300)
        port, management = free_port(), free_port()
        super().__init__("Keycloak", [
            home / "bin" / "kc.sh", "start", "--optimized", "--import-realm", "--http-enabled=true",
            "--http-host=127.0.0.1", f"--http-port={port}", f"--http-management-port={management}",
            "--hostname-strict=false", "--cache=local", "--log-level=warn",
        ], log=context.work / "data" / "keycloak.log")
        try:
            base = f"http://127.0.0.1:{port}/realms/bench/protocol/openid-connect"
            token = self.wait_until(lambda: self._log_in(base, password), 400)
            self.prepare(context, f"{base}/token/introspect", f"token={urllib.parse.quote(token)}")
        except BaseException:
            self.stop()
            raise

    def _log_in(self, base, password):
        form = {"grant_type": "password", "username": "ann", "password": password, "scope": "openid"}
        return self.request(f"{base}/token", urllib.parse.urlencode(form))["access_token"]


def _realm(secret, password):
    return {
        "realm": "bench", "enabled": True, "sslRequired": "none", "accessTokenLifespan": 36_000,
        "ssoSessionIdleTimeout": 36_000, "ssoSessionMaxLifespan": 36_000,
        "clients": [{"clientId": CLIENT, "secret": secret, "publicClient": False, "directAccessGrantsEnabled": True,
                     "serviceAccountsEnabled": True, "standardFlowEnabled": False}],
        "users": [{"username": "ann", "enabled": True, "email": "ann@bench.example", "emailVerified": True,
                   "firstName": "Ann", "lastName": "Bench", "requiredActions": [],
                   "credentials": [{"type": "password", "value": password, "temporary": False}]}],
    }
