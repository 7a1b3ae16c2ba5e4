"""Starts and stops the real `curfew serve`."""

import os
import subprocess
import threading
import time
from pathlib import Path
from queue import Empty, Queue

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from curfew.v1 import revocation_pb2_grpc

SERVICE = "curfew.v1.RevocationService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

BINARY = Path(os.environ.get("CURFEW_BIN", Path(__file__).parents[3] / "target/debug/curfew")).resolve()
DEADLINE = 15


class CurfewServer:
    """A running Curfew: `stub` calls it, `health` asks how it is. Leaving the `with` block stops it."""

    def __init__(self, directory, issuers):
        self._directory = directory
        config = directory / "curfew.toml"
        config.write_text(f'[grpc]\nlisten = "127.0.0.1:0"\n[store]\npath = "{directory / "data"}"\n{issuers}')
        self._log = open(directory / "log", "w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [BINARY, "serve", "--config", config], stdout=subprocess.PIPE, stderr=self._log, text=True)
        self._lines = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        try:
            self.address = self._read_address()
            self.channel = grpc.insecure_channel(self.address)
            self.stub = revocation_pb2_grpc.RevocationServiceStub(self.channel)
            self.health = health_pb2_grpc.HealthStub(self.channel)
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if hasattr(self, "channel"):
            self.channel.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def terminate(self):
        """Asks it to stop, as an orchestrator does."""
        self._process.terminate()

    def exit_code(self):
        """Waits until it has stopped."""
        code = self._process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def more_stdout(self):
        """What it printed after the one line that it promises."""
        return list(self._lines.queue)

    def logs(self):
        self._log.seek(0)
        return self._log.read()

    def check(self, service=SERVICE):
        return self.health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE).status

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _read_address(self):
        try:
            line = self._lines.get(timeout=DEADLINE)
        except Empty:
            line = None
        head, _, address = (line or "").partition("curfew: serving gRPC on ")
        assert not head and address.startswith("127.0.0.1:"), f"not the promised line: {line!r}\n{self.logs()}"
        return address

    def _wait_until_ready(self):
        end = time.monotonic() + DEADLINE
        while self.check() != SERVING:
            assert time.monotonic() < end, f"Curfew is not ready\n{self.logs()}"
            time.sleep(0.02)
