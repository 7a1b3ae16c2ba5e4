"""Many tokens over one stream, against a call for each."""

from .. import load
from ..measuring import Contest, Stage
from ..servers import Curfew


def measure(context, results):
    issuer = context.issuer()

    def messages(curfew, callers, *options):
        report = load.validate(context, curfew, issuer.tokens_file, *options, connections=4, callers=callers)
        return report["calls_per_second"]

    with Stage(context) as stage:
        curfew = stage.start("curfew", lambda: Curfew(context, issuer))
        # A stream may be 256 requests ahead of its answers.
        contenders = {"stream": lambda: messages(curfew, 4 * 256, "--stream"), "unary": lambda: messages(curfew, 64)}
        if not curfew:
            stage.missing |= {name: stage.missing["curfew"] for name in contenders}
        else:
            curfew.answer_bytes()
        contest = Contest(context, stage.missing).run(contenders)
    results.put("ValidateTokens over 4 streams / unary hot, messages per second",
                lambda: contest.ratios("stream", "unary"))
    results.put("ValidateTokens over 4 streams", lambda: contest.samples("stream"))
    results.put("ValidateToken, unary, 4 connections", lambda: contest.samples("unary"))
    results.chart("Streams and single calls", "messages a second", "ValidateTokens over 4 streams",
                  "ValidateToken, unary, 4 connections")
