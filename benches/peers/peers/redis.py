"""Redis with an append-only file, and redis-benchmark."""

import csv
import io
import shutil
import socket
import time

from .processes import Process, Trouble, run

# As long as a subject's scope is: 28 bytes and the 12 digits that redis-benchmark puts in.
KEY = "subject:login.bench.example:__rand_int__"
VALUE = "1780000000000"
# redis-benchmark's greatest range: of a million random keys, less than one in a thousand comes twice.
RANGE = 2_000_000_000


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Redis(Process):
    """An empty Redis on loopback that syncs its file `always` (before it answers) or `everysec`."""

    def __init__(self, context, appendfsync):
        directory = (context.work / "data" / f"redis-{appendfsync}").resolve()
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self.port = free_port()
        super().__init__(f"Redis ({appendfsync})", [
            "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", directory, "--save", "",
            "--appendonly", "yes", "--appendfsync", appendfsync,
            # A rewrite of the file in the middle of a round would count against Redis by chance.
            "--auto-aof-rewrite-percentage", "0",
        ], log=directory / "log")
        try:
            self.wait_until(lambda: self.cli("PING") == "PONG", 20)
        except BaseException:
            self.stop()
            raise

    def cli(self, *words):
        return run(["redis-cli", "-p", self.port, *words], timeout=60).strip()

    def load(self, directory, count):
        """Sets so many keys, of the numbers from 0 on."""
        commands = directory / "redis-load"
        with open(commands, "w", encoding="ascii") as out:
            for number in range(count):
                out.write(f"SET {KEY.replace('__rand_int__', f'{number:012}')} {VALUE}\r\n")
        with open(commands, "rb") as source:
            run(["redis-cli", "-p", self.port, "--pipe"], timeout=300, stdin=source)
        commands.unlink()
        if int(self.cli("DBSIZE")) != count:
            raise Trouble(f"Redis holds {self.cli('DBSIZE')} keys, not {count}")

    def rate(self, context, clients, command, keys):
        """Commands a second, of so many clients for about as long as everything else is measured; and how many."""
        # redis-benchmark counts and has no clock: a short run before tells how many will do.
        count, rate = clients * 20, 0
        while True:
            began = time.monotonic()
            rate = self._benchmark(clients, command, keys, count)
            if time.monotonic() - began > context.warm_up / 2:
                break
            count *= 4
        count = max(clients, int(rate * context.seconds))
        return self._benchmark(clients, command, keys, count), count

    def sets(self, context, clients):
        """`SET` of distinct keys, a second."""
        before = int(self.cli("DBSIZE"))
        rate, count = self.rate(context, clients, ["SET", KEY, VALUE], RANGE)
        if int(self.cli("DBSIZE")) - before < count * 0.99:
            raise Trouble("fewer keys were added than redis-benchmark says")
        return rate

    def gets(self, context, clients, count):
        """`GET` of random keys that are there, a second."""
        if self.cli("GET", KEY.replace("__rand_int__", f"{count - 1:012}")) != VALUE:
            raise Trouble("Redis does not know a key that it was given")
        return self.rate(context, clients, ["GET", KEY], count)[0]

    def _benchmark(self, clients, command, keys, count):
        text = run(["redis-benchmark", "-p", self.port, "-c", clients, "-n", count, "-r", keys, "--csv", *command],
                   timeout=600)
        # Messages may come before the table.
        table = text[text.find('"test"'):]
        rows = list(csv.DictReader(io.StringIO(table)))
        if len(rows) != 1 or "rps" not in rows[0]:
            raise Trouble(f"redis-benchmark's output is not understood: {text[-200:]!r}")
        return float(rows[0]["rps"])
