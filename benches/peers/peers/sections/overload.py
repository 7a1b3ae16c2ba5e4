"""More work than there is time for: what still gets done, and how soon the rest is told."""

from .. import load, stats
from ..health import HealthProbe
from ..measuring import Contest, Stage
from ..processes import Trouble
from ..servers import Curfew
from .cold import TINY

CONNECTIONS = 16
CALLERS = (64, 128, 256, 512, 1024, 2048)


def measure(context, results):
    issuer = context.issuer()
    with Stage(context) as stage:
        curfew = stage.start("curfew", lambda: Curfew(context, issuer, cache=TINY))
        if not curfew:
            raise Trouble(stage.missing["curfew"])
        curfew.answer_bytes()

        def report(callers, *options):
            return load.validate(context, curfew, issuer.tokens_file, *options, connections=CONNECTIONS,
                                 callers=callers, tolerant=True)

        def figures(callers, *options):
            seen = report(callers, *options)
            refused = seen["refused"]
            return {"good": seen["ok"] / seen["seconds"], "refused": refused["calls"],
                    "refused_ms": refused["p99_us"] / 1000 if refused["calls"] else 0}

        knee, capacity = find_knee(context, figures)
        results.note(f"The capacity is reached with {knee} callers over {CONNECTIONS} connections; twice as many have "
                     f"{2 * knee}. The open loop asks for {2 * capacity:,.0f} calls a second.")

        def open_loop():
            with HealthProbe(curfew.address) as probe:
                seen = figures(CALLERS[-1], "--rate", round(2 * capacity))
            return seen | {"health_ms": stats.percentile(probe.milliseconds(), 0.99)}

        contest = Contest(context, stage.missing).run({
            "capacity": lambda: figures(knee),
            "twice the callers": lambda: figures(2 * knee, "--retry"),
            "twice the rate": open_loop,
        })
    results.put("goodput at twice the capacity / at capacity",
                lambda: contest.ratios("twice the callers", "capacity", "good"))
    results.put("goodput at twice the capacity, open loop / at capacity",
                lambda: contest.ratios("twice the rate", "capacity", "good"))
    results.put("refused calls answered within, p99", lambda: refusals(contest))
    results.put("health check p99 during overload", lambda: contest.samples("twice the rate", "health_ms"))
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
        good = figures(callers)["good"]
        context.log(f"{callers} callers: {good:,.0f}/s")
        if good > best[1]:
            best = (callers, good)
    return best


def refusals(contest):
    """The worse of the two kinds of overload in each round; a round that refused nothing says nothing."""
    rounds = zip(contest.samples("twice the callers"), contest.samples("twice the rate"))
    times = [max(one["refused_ms"] for one in both if one["refused"]) for both in rounds
             if any(one["refused"] for one in both)]
    if not times:
        raise Trouble("no call was refused")
    return times
