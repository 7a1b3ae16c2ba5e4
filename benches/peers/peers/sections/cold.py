"""Tokens that no cache knows: every signature is checked."""

from .. import load
from ..catalogue import ALGORITHMS
from ..measuring import Contest, Stage
from ..servers import Curfew, Echo

HOW = {"connections": 4, "callers": 64}
# So small that a token is long gone when its turn comes again.
TINY = "64 KiB"


def measure(context, results):
    for algorithm in ALGORITHMS:
        contest = compare(context, algorithm, TINY)
        results.put(f"cold {algorithm} / stock echo", lambda: contest.ratios("curfew", "stock echo"))
        results.put(f"cold ValidateToken, {algorithm}", lambda: contest.samples("curfew"))
    off = compare(context, "RS256", "0")
    results.put("RS256 with the token cache off / stock echo", lambda: off.ratios("curfew", "stock echo"))
    results.put("ValidateToken with the token cache off, RS256", lambda: off.samples("curfew"))
    results.chart("Tokens never seen before", "calls a second",
                  *((f"cold ValidateToken, {algorithm}", algorithm) for algorithm in ALGORITHMS),
                  ("ValidateToken with the token cache off, RS256", "RS256, cache off"))


def compare(context, algorithm, cache):
    issuer = context.issuer(algorithm)
    with Stage(context) as stage:
        curfew = stage.start("curfew", lambda: Curfew(context, issuer, cache=cache))
        length = curfew.answer_bytes() if curfew else 149
        echo = stage.start("stock echo", lambda: Echo(context, "stock", length))
        context.log(f"{algorithm}, cache {cache}")
        return Contest(context, stage.missing).run({
            "curfew": lambda: load.validate(context, curfew, issuer.tokens_file, **HOW)["calls_per_second"],
            "stock echo": lambda: load.raw(context, echo, issuer.tokens_file, length, **HOW)["calls_per_second"],
        })
