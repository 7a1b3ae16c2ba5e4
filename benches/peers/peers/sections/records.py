"""Durable logouts, against the two stores that people would reach for instead."""

import os
import time

from .. import load, stats, wire
from ..catalogue import CALLERS, WRITERS
from ..measuring import Contest, Stage
from ..postgres import Postgres
from ..redis import Redis
from ..servers import Curfew
from ..tokens import ISS

CURFEW, POSTGRES, ALWAYS, EVERYSEC = WRITERS
# A caller of a database has a connection of its own; gRPC's share a few.
CONNECTIONS = {1: 1, 64: 4, 256: 16}


def measure(context, results):
    results.put("append and fdatasync of 4 KiB, median", lambda: sync_times(context))
    with Stage(context) as stage:
        curfew = stage.start(CURFEW, lambda: Curfew(context, context.issuer()))
        postgres = stage.start(POSTGRES, lambda: Postgres(context))
        always = stage.start(ALWAYS, lambda: Redis(context, "always"))
        everysec = stage.start(EVERYSEC, lambda: Redis(context, "everysec"))
        for callers, count in CALLERS.items():
            context.log(callers)
            contest = Contest(context, dict(stage.missing)).run({
                CURFEW: settled(lambda: record(context, curfew, count)),
                POSTGRES: settled(lambda: postgres.upserts(context, count)),
                ALWAYS: settled(lambda: always.sets(context, count)),
                EVERYSEC: settled(lambda: everysec.sets(context, count)),
            })
            for writer in WRITERS:
                results.put(f"{writer}, {callers}", lambda: contest.samples(writer))
            results.put(f"durable RecordLogout / PostgreSQL upsert, {callers}",
                        lambda: contest.ratios(CURFEW, POSTGRES))
            results.put(f"durable RecordLogout / Redis appendfsync always, {callers}",
                        lambda: contest.ratios(CURFEW, ALWAYS))
            results.chart(f"Durable writes, {callers}", "a second",
                          *((f"{writer}, {callers}", writer) for writer in WRITERS))
        edge = Contest(context, dict(stage.missing)).run({CURFEW: lambda: record_one(context, curfew)})
    results.put("RecordLogout of one subject, h2load", lambda: edge.samples(CURFEW))


def settled(measure):
    """Measures when the disk has nothing left to do of what was measured before."""
    def after_sync():
        os.sync()
        return measure()
    return after_sync


def record(context, curfew, callers):
    report = load.bench(context, curfew, "--logouts", 1, "--issuer", ISS, connections=CONNECTIONS[callers],
                        callers=callers)
    return report["calls_per_second"]


def record_one(context, curfew):
    """The same request again and again."""
    message = wire.record_request(ISS, "auth0|one")
    curfew.check_record("auth0|one")
    length = len(wire.call(curfew.address, wire.RECORD, message))
    rate = load.h2load_grpc(context, curfew, wire.RECORD, message, connections=4, streams=16, answer_bytes=length + 5)
    curfew.check_record("auth0|one")
    return rate


def sync_times(context, block=4096):
    """How long the disk takes to keep something, which bounds every durable write: the median of each round, in µs."""
    context.work.joinpath("data").mkdir(parents=True, exist_ok=True)
    path = context.work / "data" / "sync"
    medians = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(context.rounds):
            times = []
            for _ in range(100):
                began = time.perf_counter()
                file.write(os.urandom(block))
                os.fdatasync(file.fileno())
                times.append((time.perf_counter() - began) * 1e6)
            medians.append(stats.median(times))
    path.unlink()
    return medians
