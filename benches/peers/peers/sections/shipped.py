"""Nothing pinned: Curfew as it comes against an empty method on plain, multi-threaded tonic."""

from .. import load, wire
from ..measuring import Contest, Stage
from ..servers import Curfew, Echo

RATIO = "hot ValidateToken as shipped / stock multi-threaded echo"
# Connections and streams of each: always 60 or so in flight.
SHAPES = {"": (4, 16), ", three connections": (3, 21), ", one connection": (1, 64)}


def measure(context, results):
    issuer = context.issuer()
    token = issuer.hot_token
    message = wire.validate_request(token)
    with Stage(context) as stage:
        curfew = stage.start("curfew", lambda: Curfew(context, issuer))
        length = curfew.answer_bytes(token) if curfew else 149
        echo = stage.start("stock echo", lambda: Echo(context, "stock", length))

        def h2load(server, method, shape):
            return load.h2load_grpc(context, server, method, message, connections=shape[0], streams=shape[1],
                                    answer_bytes=length + 5)

        def hot(shape):
            curfew.answer_bytes(token)
            rate = h2load(curfew, wire.VALIDATE, shape)
            curfew.answer_bytes(token)
            return rate

        def bare(shape):
            echo.check(message)
            return h2load(echo, wire.ECHO, shape)

        for suffix, shape in SHAPES.items():
            contest = Contest(context, dict(stage.missing)).run({
                "curfew": lambda shape=shape: hot(shape), "stock echo": lambda shape=shape: bare(shape)})
            results.put(RATIO + suffix, lambda: contest.ratios("curfew", "stock echo"))
            if not suffix:
                results.put("hot ValidateToken as shipped", lambda: contest.samples("curfew"))
                results.put("stock echo", lambda: contest.samples("stock echo"))

        how = {"connections": 4, "callers": 64}
        late = Contest(context, dict(stage.missing)).run({
            "curfew": lambda: quantiles(load.validate(context, curfew, issuer.hot_file, **how)),
            "stock echo": lambda: quantiles(load.raw(context, echo, issuer.hot_file, length, **how)),
        }, " µs")
    results.put("hot p99 / stock echo p99", lambda: late.ratios("curfew", "stock echo", "p99"))
    for name, who in (("hot ValidateToken as shipped", "curfew"), ("stock echo", "stock echo")):
        for key in ("p50", "p99"):
            results.put(f"{name}, {key}", lambda: late.samples(who, key))
    results.chart("As shipped, all cores", "calls a second", "hot ValidateToken as shipped", "stock echo")
    results.chart("Latency with 64 in flight, all cores", "µs", "hot ValidateToken as shipped, p50", "stock echo, p50",
                  "hot ValidateToken as shipped, p99", "stock echo, p99")


def quantiles(report):
    return {"p99": report["latency_us"]["p99"], "p50": report["latency_us"]["p50"]}
