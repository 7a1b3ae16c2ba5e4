"""Ten thousand hot tokens in turn, server and client on a processor each."""

from .. import load
from ..measuring import Contest, Stage
from ..servers import Curfew, Echo
from .hot import CLIENT_CPU, SERVER_CPU

HOW = {"connections": 4, "callers": 64, "cpu": CLIENT_CPU}


def measure(context, results):
    issuer = context.issuer()
    with Stage(context) as stage:
        curfew = stage.start("curfew", lambda: Curfew(context, issuer, cpu=SERVER_CPU))
        length = curfew.answer_bytes() if curfew else 149
        echo = stage.start("echo", lambda: Echo(context, "shipped", length, cpu=SERVER_CPU))
        contest = Contest(context, stage.missing).run({
            "curfew": lambda: load.validate(context, curfew, issuer.tokens_file, **HOW)["calls_per_second"],
            "echo": lambda: load.raw(context, echo, issuer.tokens_file, length, **HOW)["calls_per_second"],
        })
    results.put("hot ValidateToken of 10,000 tokens / bare echo, one core", lambda: contest.ratios("curfew", "echo"))
    results.put("hot ValidateToken of 10,000 tokens, one core", lambda: contest.samples("curfew"))
    results.put("bare echo of the same bodies, one core", lambda: contest.samples("echo"))
    results.chart("Ten thousand tokens in turn, one core", "calls a second",
                  ("hot ValidateToken of 10,000 tokens, one core", "ValidateToken"),
                  ("bare echo of the same bodies, one core", "bare echo, same bodies"))
