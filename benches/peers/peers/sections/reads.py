"""Asking when a user last logged out, against a read of one key elsewhere."""

import shutil

from .. import load
from ..catalogue import READERS
from ..measuring import FAILURES, Contest, Stage, reason
from ..postgres import Postgres
from ..processes import run
from ..redis import Redis
from ..servers import Curfew
from ..tokens import ISS

CURFEW, REDIS, POSTGRES = READERS
CALLERS = 64


def measure(context, results):
    count = 20_000 if context.brief else 1_000_000
    store = context.work / "data" / "reads-store"
    with Stage(context) as stage:
        store = filled(context, results, store, count)
        curfew = stage.start(CURFEW, lambda: Curfew(context, context.issuer(), store=store))
        redis = stage.start(REDIS, lambda: Redis(context, "everysec"))
        postgres = stage.start(POSTGRES, lambda: Postgres(context))
        for name, peer, fill in ((REDIS, redis, lambda: redis.load(context.work / "data", count)),
                                 (POSTGRES, postgres, lambda: postgres.load(count))):
            try:
                if peer:
                    fill()
            except FAILURES as error:
                stage.fail(name, error)
        contest = Contest(context, stage.missing).run({
            CURFEW: lambda: load.bench(context, curfew, "--last-logouts", 1, "--issuer", ISS, connections=4,
                                       callers=CALLERS)["calls_per_second"],
            REDIS: lambda: redis.gets(context, CALLERS, count),
            POSTGRES: lambda: postgres.selects(context, CALLERS, count),
        })
    for reader in READERS:
        results.put(f"{reader}, 64 callers", lambda: contest.samples(reader))
    results.put("GetLastLogout / Redis GET", lambda: contest.ratios(CURFEW, REDIS))
    results.put("GetLastLogout / PostgreSQL select", lambda: contest.ratios(CURFEW, POSTGRES))
    results.chart("Reads, 64 callers", "a second", *((f"{reader}, 64 callers", reader) for reader in READERS))
    results.note(f"Redis and PostgreSQL hold {count:,} subjects" + (", and so does Curfew." if store else "."))


def filled(context, results, store, count):
    """A store of as many subjects, or None for an empty one."""
    try:
        fresh(store)
        run([context.program("examples/scale"), "--store", store, "--records", count, "--json"], timeout=900)
        return store
    except FAILURES as error:
        results.note(f"Curfew's store was empty: {reason(error)}.")
        return None


def fresh(directory):
    """No such directory, but the one above it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.parent.mkdir(parents=True, exist_ok=True)
