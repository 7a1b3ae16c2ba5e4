"""Starts and stops what stands in a row here: Curfew, and the proxies in front of the backend."""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
CURFEW = Path(os.environ.get("CURFEW_BIN", ROOT / "target/debug/curfew")).resolve()
DEADLINE = 15

# The addresses in the examples, each of which must be there.
PROXY, CURFEWS, BACKENDS = ":8000", "127.0.0.1:8080", "127.0.0.1:9000"


def free_port():
    """A port that nobody has now; whoever takes it must cope with somebody else being faster."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def until(what, check):
    end = time.monotonic() + DEADLINE
    while not check():
        assert time.monotonic() < end, f"not within {DEADLINE} s: {what}"
        time.sleep(0.02)


def answers(port):
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A process whose output goes to a file; it is stopped when the `with` block is left."""

    def __init__(self, directory):
        self.directory = directory
        self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _spawn(self, command, **more):
        self._log = open(self.directory / "log", "a+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, **more)

    def ended(self):
        return self._process is None or self._process.poll() is not None

    def stop(self, kill=False):
        if self._process is None:
            return
        if not self.ended():
            self._process.kill() if kill else self._process.terminate()
            try:
                self._process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        self._log.close()

    def log(self):
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")


class Curfew(Process):
    """A Curfew; it may be stopped and started again where it was."""

    def __init__(self, directory, issuers):
        super().__init__(directory)
        self._issuers = issuers
        self._http = "127.0.0.1:0"

    def start(self):
        config = self.directory / "curfew.toml"
        config.write_text(
            f'[grpc]\nlisten = "127.0.0.1:0"\n[http]\nlisten = "{self._http}"\n'
            f'[store]\npath = "{self.directory / "data"}"\n{self._issuers}')
        before = len(self.log()) if (self.directory / "log").exists() else 0
        self._spawn([CURFEW, "serve", "--config", config])

        def said(what):
            return re.search(rf"curfew: serving {what} on (127\.0\.0\.1:\d+)\n", self.log()[before:])

        until(f"Curfew serves; it said: {self.log()[before:]}", lambda: said("HTTP") or self.ended())
        assert not self.ended(), self.log()[before:]
        # It is there again at the same place.
        self._http, self.grpc = said("HTTP").group(1), said("gRPC").group(1)

    @property
    def address(self):
        return self._http

    def log_out(self, subject):
        done = subprocess.run(
            [CURFEW, "logout", "--issuer", "op", "--subject", subject, "--server", f"http://{self.grpc}"],
            capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, done.stdout + done.stderr


class Proxy(Process):
    """A proxy, by an example of this repository, in which the addresses alone are others."""

    def __init__(self, directory, curfew, backend):
        super().__init__(directory)
        self._curfew, self._backend = curfew, backend

    def start(self):
        for attempt in range(5):
            self.port = free_port()
            self._run(self._configuration())
            until(f"{self.name} answers; it said: {self.log()}", lambda: answers(self.port) or self.ended())
            if not self.ended():
                return
        raise AssertionError(f"{self.name} does not start: {self.log()}")

    def _configuration(self):
        text = (ROOT / self.example).read_text()
        for there, here in [(PROXY, f":{self.port}"), (CURFEWS, self._curfew), (BACKENDS, self._backend)]:
            assert text.count(there) == 1, f"{there} stands once in {self.example}"
            text = text.replace(there, here)
        return text


class Nginx(Proxy):
    name, example = "nginx", "examples/nginx/nginx.conf"

    def _run(self, text):
        # Nothing is written but here.
        kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        scratch = "".join(f"{kind}_temp_path {self.directory / kind};" for kind in kinds)
        path = self.directory / "nginx.conf"
        path.write_text(text.replace("http {", f"http {{ access_log off; {scratch}", 1))
        # Whoever runs the tests owns this directory; root's workers would be nobody's otherwise.
        user = "user root;" if os.geteuid() == 0 else ""
        self._spawn([
            _found("nginx"), "-p", self.directory, "-c", path, "-e", "stderr",
            "-g", f"daemon off; pid {self.directory / 'nginx.pid'}; {user}"])


class Caddy(Proxy):
    name, example = "caddy", "examples/caddy/Caddyfile"

    def _run(self, text):
        path = self.directory / "Caddyfile"
        path.write_text(text)
        own = {
            "HOME": str(self.directory), "XDG_DATA_HOME": str(self.directory), "XDG_CONFIG_HOME": str(self.directory),
            "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
        }
        self._spawn([_found("caddy"), "run", "--config", path, "--adapter", "caddyfile"], env=os.environ | own)


def _found(program):
    """The program by its variable, NGINX_BIN or CADDY_BIN, or on the path; Debian has some in /usr/sbin."""
    named = os.environ.get(f"{program.upper()}_BIN")
    found = named or shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    assert found, f"{program} is missing; tests/setup installs it"
    return found
