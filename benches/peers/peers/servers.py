"""Curfew, and the bare echo that it is compared with."""

import json
import shutil

from . import wire
from .processes import Process, Trouble
from .tokens import ISS

READY_WITHIN = 120


class Server(Process):
    """Something that serves gRPC; `address` is where."""

    @property
    def url(self):
        return f"http://{self.address}"


class Curfew(Server):
    """`curfew serve`, with an empty store of its own or with one that is there already."""

    def __init__(self, context, issuer, name="curfew", *, cpu=None, workers=None, cache="64 MiB", store=None,
                 ready_within=READY_WITHIN):
        program = context.program("curfew")
        directory = context.work / "data" / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        config = directory / "curfew.toml"
        config.write_text("\n".join([
            "[grpc]", 'listen = "127.0.0.1:0"',
            "[store]", f"path = {json.dumps(str((store or directory / 'store').resolve()))}",
            "[log]", 'level = "warn"',
            "[token_cache]", f"size = {json.dumps(cache)}",
            *([] if workers is None else ["[runtime]", f"workers = {workers}"]),
            issuer.config(),
        ]))
        self.issuer = issuer
        super().__init__(name, [program, "serve", "--config", config], log=directory / "log", cpu=cpu)
        try:
            found = self.wait_for_line(r"^curfew: serving gRPC on (127\.0\.0\.1:\d+)\s*$", ready_within)
            self.address = found[1]
        except BaseException:
            self.stop()
            raise

    def answer_bytes(self, token=None):
        """Checks that a token is honoured, and returns how long the answer is: so long are the echo's then."""
        return wire.check_valid(self.address, token or self.issuer.typical_token)

    def check_record(self, subject):
        answer = wire.fields(wire.call(self.address, wire.RECORD, wire.record_request(ISS, subject)))
        if 1 not in answer:
            raise Trouble("RecordLogout did not answer with a logout")


class Echo(Server):
    """The smallest unary method there is, answered with so many bytes, on Curfew's runtime or on plain tonic."""

    def __init__(self, context, runtime, answer_bytes, *, cpu=None):
        self.answer_bytes = answer_bytes
        name = f"echo-{runtime}"
        super().__init__(name, [context.program("examples/echo"), "--listen", "127.0.0.1:0", "--runtime", runtime,
                                "--answer-bytes", answer_bytes],
                         log=context.work / "data" / name / "log", cpu=cpu)
        try:
            found = self.wait_for_line(r"^echo: listening on (127\.0\.0\.1:\d+)\s*$", 20)
            self.address = found[1]
        except BaseException:
            self.stop()
            raise

    def check(self, body):
        answer = wire.call(self.address, wire.ECHO, body)
        if len(answer) != self.answer_bytes:
            raise Trouble(f"the echo answered {len(answer)} bytes, not {self.answer_bytes}")
