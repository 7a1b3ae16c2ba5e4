"""One hot token, server and client on a processor each: what Curfew adds to an empty method."""

from .. import load, wire
from ..measuring import Contest, Stage
from ..servers import Curfew, Echo

SERVER_CPU, CLIENT_CPU = 0, 1


def measure(context, results):
    issuer = context.issuer()
    token = issuer.hot_token
    message = wire.validate_request(token)
    with Stage(context) as stage:
        curfew = stage.start("curfew", lambda: Curfew(context, issuer, cpu=SERVER_CPU))
        length = curfew.answer_bytes(token) if curfew else 149
        echo = stage.start("echo", lambda: Echo(context, "shipped", length, cpu=SERVER_CPU))

        def hot():
            curfew.answer_bytes(token)
            rate = rate_of(curfew, wire.VALIDATE)
            curfew.answer_bytes(token)
            return rate

        def bare():
            echo.check(message)
            return rate_of(echo, wire.ECHO)

        def rate_of(server, method):
            return load.h2load_grpc(context, server, method, message, connections=4, streams=16, cpu=CLIENT_CPU,
                                    answer_bytes=length + 5)

        contest = Contest(context, stage.missing).run({"curfew": hot, "echo": bare})
    results.put("hot ValidateToken / bare echo, one core, h2load", lambda: contest.ratios("curfew", "echo"))
    results.put("hot ValidateToken, one core, h2load", lambda: contest.samples("curfew"))
    results.put("bare echo, one core, h2load", lambda: contest.samples("echo"))
    results.chart("One hot token, one core", "calls a second", ("hot ValidateToken, one core, h2load", "ValidateToken"),
                  ("bare echo, one core, h2load", "bare echo"))
    results.note(f"The token has {len(token):,} bytes, the answer {length}.")
