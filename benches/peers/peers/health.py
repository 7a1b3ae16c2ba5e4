"""Asks for a server's health again and again, as an orchestrator does."""

import os
import threading
import time

import grpc

from . import wire
from .processes import Trouble

EVERY = 0.05
# One that takes longer has failed, and counts as long.
AT_MOST = 5


class HealthProbe:
    """Checks every 50 ms while the `with` block runs."""

    def __init__(self, address, cpu=None):
        self._address = address
        self._cpu = cpu
        self._seconds = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(AT_MOST + 1)

    def milliseconds(self):
        if not self._seconds:
            raise Trouble("no health check was made")
        return [seconds * 1000 for seconds in self._seconds]

    def _run(self):
        if self._cpu is not None:
            # This thread, and those that gRPC starts for it.
            os.sched_setaffinity(0, {self._cpu})
        with grpc.insecure_channel(self._address) as channel:
            check = channel.unary_unary(wire.HEALTH)
            # The connection's own making is no part of a check.
            self._check(check)
            while not self._over.wait(EVERY):
                self._seconds.append(self._check(check))

    def _check(self, check):
        began = time.perf_counter()
        try:
            alive = wire.fields(check(b"", timeout=AT_MOST)).get(1) == wire.SERVING
        except grpc.RpcError:
            alive = False
        return time.perf_counter() - began if alive else AT_MOST
