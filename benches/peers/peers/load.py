"""The load generators: h2load, and `curfew bench`, which has percentiles and looks at every answer."""

import json
import os
import re

from . import wire
from .processes import Trouble, last_words, run

SCALES = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}


def milliseconds(seconds):
    """A length of time as both generators read it, neither of which takes a fraction."""
    return f"{round(seconds * 1000)}ms"


def h2load(context, url, *, connections, streams, body, headers=(), answer_bytes=None, cpu=None, http1=False,
           warm_up=None, seconds=None):
    """Requests a second. `body` is a file; `answer_bytes` is what each answer's body must come to on average: h2load
    itself takes an error in a trailer for a success."""
    command = ["h2load", "-c", connections, "-m", streams, "-d", body]
    if http1:
        command.append("--h1")
    for header in headers:
        command += ["-H", header]

    def run_for(seconds):
        return run([*command, "-D", milliseconds(seconds), url], timeout=seconds + 60, cpu=cpu)

    # A run of its own, for h2load's own warm-up counts its answers' bytes but not its requests.
    run_for(warm_up or context.warm_up)
    return read_h2load(run_for(seconds or context.seconds), answer_bytes)


def h2load_grpc(context, server, method, message, **options):
    """The same of a unary gRPC method, with the same message every time."""
    body = context.work / "data" / "h2load-body"
    body.parent.mkdir(parents=True, exist_ok=True)
    body.write_bytes(wire.frame(message))
    return h2load(context, server.url + method, body=body,
                  headers=("content-type: application/grpc", "te: trailers"), **options)


def read_h2load(text, answer_bytes=None):
    rate = re.search(r"^finished in [\d.]+\w+, ([\d.]+) req/s", text, re.MULTILINE)
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    codes = re.search(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text, re.MULTILINE)
    data = re.search(r"^traffic: .*?([\d.]+)([KMG]?B) \((\d+)\) data", text, re.MULTILINE)
    if not (rate and counts and codes and data):
        raise Trouble(f"h2load's output is not understood: {text[-200:]!r}")
    good, *bad = (int(group) for group in counts.groups())
    if good == 0 or any(bad) or any(int(group) for group in codes.groups()[1:]):
        raise Trouble(f"h2load had failures: {counts[0]}; {codes[0]}")
    # Answers under way at the edges of the time are counted with one figure and not with the other.
    if answer_bytes is not None and not 0.9 < int(data[3]) / good / answer_bytes < 1.1:
        raise Trouble(f"answers have {int(data[3]) / good:.0f} bytes on average, not {answer_bytes}: not all were good")
    return float(rate[1])


def bench(context, server, *options, connections, callers, cpu=None, seconds=None, tolerant=False):
    """Runs `curfew bench` and returns its report. Every wrong answer and every error is Trouble, unless it is tolerant:
    refusals are what an overload is about."""
    seconds = seconds or context.seconds
    # One thread on two processors: the server has as much to do.
    threads = 1 if cpu is not None else max(1, len(os.sched_getaffinity(0)) // 2)
    text = run([context.program("curfew"), "bench", "--server", server.url, "--connections", connections,
                "--concurrency", callers, "--threads", threads, "--duration",
                milliseconds(seconds), "--warm-up", milliseconds(context.warm_up), "--json", *options],
               # Whether what it found is good is decided here, by its report.
               timeout=seconds * 3 + 120, cpu=cpu, codes=(0, 1))
    try:
        report = json.loads(text)
    except ValueError:
        raise Trouble(f"curfew bench did not report: {last_words(text)}") from None
    if report["wrong"]:
        raise Trouble(f"curfew bench: {report['wrong']} wrong answers, verdicts {report.get('verdicts')}")
    if not report["ok"] or not report["calls_per_second"]:
        raise Trouble(f"curfew bench: no good answer; errors {report['errors']}")
    if not tolerant and any(report["errors"].values()):
        raise Trouble(f"curfew bench: errors {report['errors']}")
    return report


def validate(context, server, tokens_file, *options, **how):
    """Validates the tokens of a file in turn."""
    return bench(context, server, "--tokens", tokens_file, "--expect", "VALID", *options, **how)


def raw(context, server, tokens_file, answer_bytes, **how):
    """Sends the very same bodies to the echo."""
    return bench(context, server, "--tokens", tokens_file, "--raw-path", wire.ECHO,
                 "--raw-answer-bytes", answer_bytes, **how)
