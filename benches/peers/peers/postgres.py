"""PostgreSQL, durable as it comes, and pgbench."""

import glob
import os
import pwd
import re
import shutil
import signal

from .processes import Process, Trouble, run
from .redis import free_port

SUBJECT = "'login.bench.example|' || lpad(:n::text, 20, '0')"
UPSERT = f"""\\set n random(1, 2000000000)
\\set t random(1, 2000000000)
INSERT INTO logout (subject, t) VALUES ({SUBJECT}, :t)
  ON CONFLICT (subject) DO UPDATE SET t = GREATEST(logout.t, EXCLUDED.t);
"""
SELECT = """\\set n random(1, {count})
SELECT t FROM logout WHERE subject = """ + f"{SUBJECT};\n"
# Room enough that no checkpoint falls into a measurement; everything else as it comes, durability above all.
SETTINGS = {
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "300",
    "shared_buffers": "1GB", "max_wal_size": "16GB", "checkpoint_timeout": "1h",
    "fsync": "on", "synchronous_commit": "on",
}


class Postgres(Process):
    """An empty database on loopback with a table `logout` of subjects."""

    def __init__(self, context):
        self._user = _unprivileged()
        self._directory = (context.work / "data" / "postgres").resolve()
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True, mode=0o700)
        if self._user:
            os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
        self.port = free_port()
        data = self._directory / "data"
        # The locale costs comparisons that no other peer makes.
        self._run(tool("initdb"), "-D", data, "-A", "trust", "-U", "bench", "--encoding=UTF8", "--locale=C",
                  "--no-sync")
        settings = [f"--{key}={value}" for key, value in SETTINGS.items()]
        # SIGINT is its fast shutdown, which takes its own processes along.
        super().__init__("PostgreSQL", [tool("postgres"), "-D", data, "-p", self.port, *settings],
                         log=context.work / "data" / "postgres.log", user=self._user, stop_with=signal.SIGINT)
        try:
            self.wait_until(lambda: self.sql("SELECT 1") == "1", 60)
            for setting in ("fsync", "synchronous_commit"):
                if self.sql(f"SHOW {setting}") != "on":
                    raise Trouble(f"{setting} is not on")
            self.sql("CREATE TABLE logout (subject text PRIMARY KEY, t bigint NOT NULL)")
        except BaseException:
            self.stop()
            raise

    def sql(self, statement):
        return self._run(tool("psql"), "-h", "127.0.0.1", "-p", self.port, "-U", "bench", "-d", "postgres", "-X", "-A",
                         "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement).strip()

    def load(self, count):
        """The subjects of the numbers from 1 on."""
        subject = SUBJECT.replace(":n", "n")
        self.sql(f"INSERT INTO logout SELECT {subject}, 1780000000000 FROM generate_series(1, {count}) AS n")
        self.sql("VACUUM ANALYZE logout")

    def upserts(self, context, clients):
        """Upserts of distinct subjects, a second; each is a transaction that is on disk when it is answered."""
        before = int(self.sql("SELECT count(*) FROM logout"))
        rate, done = self._pgbench(context, clients, UPSERT)
        added = int(self.sql("SELECT count(*) FROM logout")) - before
        if added < done * 0.99:
            raise Trouble(f"{added} rows were added by {done} transactions")
        return rate

    def selects(self, context, clients, count):
        """Point selects of random subjects that are there, a second."""
        if self.sql(SELECT.format(count=count).splitlines()[1].replace(":n", str(count))) != "1780000000000":
            raise Trouble("PostgreSQL does not know a subject that it was given")
        return self._pgbench(context, clients, SELECT.format(count=count))[0]

    def _pgbench(self, context, clients, script):
        file = context.work / "data" / "postgres.pgbench"
        file.write_text(script)
        # It knows no warm-up: a second more, of which its own report each second is left out.
        seconds = max(1, round(context.seconds)) + 1
        text = self._run(tool("pgbench"), "-h", "127.0.0.1", "-p", self.port, "-U", "bench", "-n", "-M", "prepared",
                         "-c", clients, "-j", 2 if clients > 1 else 1, "-T", seconds, "-P", 1, "-f", file, "postgres",
                         errors_too=True)
        return read_pgbench(text)

    def _run(self, *command, errors_too=False):
        return run(command, timeout=300, user=self._user, errors_too=errors_too)


def read_pgbench(text):
    """Transactions a second without the first second, and how many there were in all."""
    seconds = [float(rate) for rate in re.findall(r"^progress: [\d.]+ s, ([\d.]+) tps", text, re.MULTILINE)]
    done = re.search(r"transactions actually processed: (\d+)", text)
    failed = re.search(r"number of failed transactions: (\d+)", text)
    if len(seconds) < 2 or not done or (failed and int(failed[1])):
        raise Trouble(f"pgbench failed, or is not understood: {text[-200:]!r}")
    return sum(seconds[1:]) / len(seconds[1:]), int(done[1])


def tool(name):
    """A program of PostgreSQL's: on the path, or where Debian keeps it."""
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)
    if not found:
        raise Trouble(f"PostgreSQL's {name} is not there")
    return found


def _unprivileged():
    """Whom to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Trouble("PostgreSQL refuses root, and there is no user postgres or nobody")
