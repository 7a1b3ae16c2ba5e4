"""More work than there is time for: what still gets done, and how soon the rest is told.

The server has one processor to itself, and the load is made on the other: an overload that takes the server's own time away
from it would say nothing about either."""

from .. import load, stats
from ..health import HealthProbe
from ..measuring import Contest, Stage
from ..processes import Trouble
from ..servers import Curfew
from .cold import TINY

CONNECTIONS = 16
CALLERS = (32, 64, 128, 256)
# How many the open loop may have in flight, by this many times 16.
OPEN = 64


def measure(context, results):
    issuer = context.issuer()
    with Stage(context) as stage:
        curfew = stage.start("curfew", lambda: Curfew(context, issuer, cache=TINY, cpu=0, workers=1))
        if not curfew:
            raise Trouble(stage.missing["curfew"])
        curfew.answer_bytes()

        def report(callers, *options):
            return load.validate(context, curfew, issuer.tokens_file, *options, connections=CONNECTIONS,
                                 callers=callers, cpu=1, tolerant=True)

        def figures(callers, *options):
            seen = report(callers, *options)
            refused = seen["refused"]
            return {"good": seen["ok"] / seen["seconds"], "refused": refused["calls"],
                    "refused_p50_ms": refused["p50_us"] / 1000 if refused["calls"] else 0,
                    "refused_ms": refused["p99_us"] / 1000 if refused["calls"] else 0}

        def watched(measure):
            with HealthProbe(curfew.address, cpu=1) as probe:
                seen = measure()
            return seen | {"health_ms": stats.percentile(probe.milliseconds(), 0.99)}

        knee, capacity = find_knee(context, figures)
        results.note(f"The capacity is reached with {knee} callers over {CONNECTIONS} connections; twice as many have "
                     f"{2 * knee}. The open loop asks for {2 * capacity:,.0f} calls a second.")

        contest = Contest(context, stage.missing).run({
            "capacity": lambda: figures(knee, "--retry"),
            "twice the callers": lambda: watched(lambda: figures(2 * knee, "--retry")),
            "twice the rate": lambda: watched(lambda: figures(OPEN, "--rate", round(2 * capacity))),
        })
    results.put("goodput at twice the capacity / at capacity",
                lambda: contest.ratios("twice the callers", "capacity", "good"))
    results.put("goodput at twice the capacity, open loop / at capacity",
                lambda: contest.ratios("twice the rate", "capacity", "good"))
    for overload, name in (("twice the callers", ""), ("twice the rate", ", open loop")):
        results.put(f"refused calls answered within, p99{name}", lambda overload=overload: refusals(contest, overload))
        results.put(f"refused calls answered within, p50{name}",
                    lambda overload=overload: refusals(contest, overload, "refused_p50_ms"))
        results.put(f"health check p99 during overload{name}",
                    lambda overload=overload: contest.samples(overload, "health_ms"))
    results.put("capacity, cold RS256", lambda: contest.samples("capacity", "good"))
    results.put("goodput with twice the callers", lambda: contest.samples("twice the callers", "good"))
    results.put("goodput at twice the rate, open loop", lambda: contest.samples("twice the rate", "good"))
    results.chart("Good answers under overload", "a second", ("capacity, cold RS256", "at capacity"),
                  ("goodput with twice the callers", "twice the callers"),
                  ("goodput at twice the rate, open loop", "twice the rate"))


def find_knee(context, figures):
    """The number of callers with the most good answers, and how many those are."""
    best = (0, 0.0)
    for callers in CALLERS:
        good = figures(callers, "--retry")["good"]
        context.log(f"{callers} callers: {good:,.0f}/s")
        if good > best[1]:
            best = (callers, good)
    return best


def refusals(contest, overload, key="refused_ms"):
    """A round that refused nothing says nothing."""
    times = [one[key] for one in contest.samples(overload) if one["refused"]]
    if not times:
        raise Trouble("no call was refused")
    return times
