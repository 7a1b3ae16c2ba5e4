"""A store of ten million logouts: how fast, how large, how soon it is there."""

import json
import os
import shutil
import time

from .. import load
from ..measuring import FAILURES, Contest, Stage, reason
from ..processes import Trouble, run
from ..servers import Curfew
from .reads import fresh

OVERWRITE = 3
DROP_CACHES = "/proc/sys/vm/drop_caches"


def measure(context, results):
    results.note(f"Measured with {context.records:,} records.")
    store = context.work / "data" / "scale-store"
    failed = None
    try:
        loaded = load_store(context, store)
        lookups(results, [loaded])
        results.put("disk per subject at 10 M", lambda: [loaded["disk_bytes_per_record"]])
        results.put("loading, records per second", lambda: [loaded["records_per_second"]])
        starts(context, results, store)
        serve(context, results, store)
    except FAILURES as error:
        context.log(reason(error))
        failed = error
    finally:
        shutil.rmtree(store, ignore_errors=True)
    overwritten(context, results)
    if failed:
        raise failed


def load_store(context, store, *options):
    fresh(store)
    context.log(f"loading {context.records:,} records")
    text = run([context.program("examples/scale"), "--store", store, "--records", context.records, "--json", *options],
               timeout=7200)
    report = json.loads(text)
    if report["records"] != context.records:
        raise Trouble(f"scale loaded {report['records']:,} records")
    return report


def lookups(results, reports):
    results.put("lookup of all of a token's seven scopes at 10 M records",
                lambda: [report["lookup_seven_ns"] for report in reports])
    results.put("the same lookup, with hashing the seven scopes",
                lambda: [report["lookup_hash_and_seven_ns"] for report in reports])


def starts(context, results, store):
    """From the start of the process to its ready line, with the files in memory and then, where the system lets us
    forget them, from the disk."""
    rounds = min(context.rounds, 3)
    results.put("start with 10 M logouts, files in the page cache",
                lambda: [start_seconds(context, store) for _ in range(rounds)])
    try:
        cold = []
        for _ in range(rounds):
            os.sync()
            with open(DROP_CACHES, "w", encoding="ascii") as file:
                file.write("3")
            cold.append(start_seconds(context, store))
        results.put("start with 10 M logouts, to ready", cold)
        results.note("The start that counts was made with an empty page cache.")
    except OSError as error:
        warm = results.rows["start with 10 M logouts, files in the page cache"]["samples"]
        results.put("start with 10 M logouts, to ready", warm)
        results.note(f"The start that counts was made with the files in the page cache, for it cannot be emptied here "
                     f"({error.strerror}).")


def start_seconds(context, store):
    began = time.monotonic()
    with Curfew(context, context.issuer(), "curfew-full", store=store, ready_within=600):
        seconds = time.monotonic() - began
    context.log(f"ready after {seconds:.2f} s")
    return seconds


def serve(context, results, store):
    """Side by side with a server whose store is empty: throughput, and memory after both have served."""
    issuer = context.issuer()
    tokens = issuer.tokens_file
    with Stage(context) as stage:
        full = stage.start("full", lambda: Curfew(context, issuer, "curfew-full", store=store, ready_within=600))
        empty = stage.start("empty", lambda: Curfew(context, issuer, "curfew-empty"))

        def rate(server):
            return load.validate(context, server, tokens, connections=4, callers=64)["calls_per_second"]

        contest = Contest(context, stage.missing).run({"full": lambda: rate(full), "empty": lambda: rate(empty)})
        results.put("hot throughput with 10 M logouts / with none", lambda: contest.ratios("full", "empty"))

        def bytes_each():
            # Both have served, or there are no samples.
            contest.samples("full"), contest.samples("empty")
            return [(full.resident_bytes() - empty.resident_bytes()) / context.records]

        results.put("resident memory per subject at 10 M, above an empty server", bytes_each)


def overwritten(context, results):
    """In a store of its own, and at the end: it changes it."""
    store = context.work / "data" / "scale-overwritten"
    try:
        report = load_store(context, store, "--overwrite", OVERWRITE)
        if len(report["overwrites"]) != OVERWRITE:
            raise Trouble(f"scale overwrote {len(report['overwrites'])} times")
        disk, memory = (report["overwrites"][-1][key] / report[key] for key in ("disk_bytes", "rss_bytes"))
    except FAILURES as error:
        # None of the rows is filled; the section's reason for that is the first thing that went wrong.
        context.log(f"overwriting: {reason(error)}")
        results.note(f"Overwriting could not be measured: {reason(error)}.")
        return
    finally:
        shutil.rmtree(store, ignore_errors=True)
    results.put("disk after three overwritings / before", [disk])
    results.put("memory after three overwritings / before", [memory])
    results.put("memory and disk after every one of 10 M records was overwritten three times / before",
                [max(disk, memory)])
