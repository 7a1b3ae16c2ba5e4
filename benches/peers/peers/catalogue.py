"""Every row of the report, in its order. A row that nothing fills is reported as missing."""

from dataclasses import dataclass

RATIO = "ratio"
PER_SECOND = "1/s"


@dataclass(frozen=True)
class Row:
    """A figure: `target` is what it must be, `aim` what it should be."""
    section: str
    name: str
    unit: str
    target: str | None = None
    aim: str | None = None


def _rows(section, *rows):
    return [Row(section, *row) for row in rows]


def _each(section, unit, pattern, *names):
    return [Row(section, pattern.format(name), unit) for name in names]


CALLERS = {"1 caller": 1, "64 callers": 64, "256 callers": 256}
WRITERS = ("RecordLogout", "PostgreSQL upsert", "Redis SET, appendfsync always", "Redis SET, appendfsync everysec")
READERS = ("GetLastLogout", "Redis GET", "PostgreSQL select")
IDENTITY = ("oidc-provider", "Keycloak")
ALGORITHMS = ("RS256", "ES256", "EdDSA", "HS256")

ROWS = [
    *_rows("hot",
           ("hot ValidateToken / bare echo, one core, h2load", RATIO, ">= 0.88", "0.95"),
           ("hot ValidateToken, one core, h2load", PER_SECOND),
           ("bare echo, one core, h2load", PER_SECOND)),
    *_rows("hot10k",
           ("hot ValidateToken of 10,000 tokens / bare echo, one core", RATIO, ">= 0.78", "0.90"),
           ("hot ValidateToken of 10,000 tokens, one core", PER_SECOND),
           ("bare echo of the same bodies, one core", PER_SECOND)),
    *_rows("shipped",
           ("hot ValidateToken as shipped / stock multi-threaded echo", RATIO, ">= 1.3", "1.6"),
           ("hot ValidateToken as shipped / stock multi-threaded echo, three connections", RATIO),
           ("hot ValidateToken as shipped / stock multi-threaded echo, one connection", RATIO, None, "1.0"),
           ("hot p99 / stock echo p99", RATIO, "<= 1.25", "1.1"),
           ("hot ValidateToken as shipped", PER_SECOND),
           ("stock echo", PER_SECOND),
           ("hot ValidateToken as shipped, p50", "µs"),
           ("stock echo, p50", "µs"),
           ("hot ValidateToken as shipped, p99", "µs"),
           ("stock echo, p99", "µs")),
    *_rows("cold",
           ("cold RS256 / stock echo", RATIO, ">= 0.35", "0.38"),
           ("cold ES256 / stock echo", RATIO),
           ("cold EdDSA / stock echo", RATIO),
           ("cold HS256 / stock echo", RATIO),
           ("RS256 with the token cache off / stock echo", RATIO)),
    *_each("cold", PER_SECOND, "cold ValidateToken, {}", *ALGORITHMS),
    *_rows("cold", ("ValidateToken with the token cache off, RS256", PER_SECOND)),
    *_rows("stream",
           ("ValidateTokens over 4 streams / unary hot, messages per second", RATIO, ">= 6.5", "8.5"),
           ("ValidateTokens over 4 streams", PER_SECOND),
           ("ValidateToken, unary, 4 connections", PER_SECOND)),
    *_rows("records",
           ("durable RecordLogout / PostgreSQL upsert, 64 callers", RATIO, ">= 1.8", "2.5"),
           ("durable RecordLogout / PostgreSQL upsert, 256 callers", RATIO, ">= 3", "4"),
           ("durable RecordLogout / PostgreSQL upsert, 1 caller", RATIO, ">= 0.45", "0.6"),
           ("durable RecordLogout / Redis appendfsync always, 64 callers", RATIO, ">= 0.8", "1.1"),
           ("durable RecordLogout / Redis appendfsync always, 256 callers", RATIO),
           ("durable RecordLogout / Redis appendfsync always, 1 caller", RATIO)),
    *[Row("records", f"{writer}, {callers}", PER_SECOND) for writer in WRITERS for callers in CALLERS],
    *_rows("records",
           ("RecordLogout of one subject, h2load", PER_SECOND),
           ("append and fdatasync of 4 KiB, median", "µs")),
    *_rows("reads", ("GetLastLogout / Redis GET", RATIO), ("GetLastLogout / PostgreSQL select", RATIO)),
    *_each("reads", PER_SECOND, "{}, 64 callers", *READERS),
    *_each("introspection", RATIO, "hot ValidateToken / introspection at {}", *IDENTITY),
    *_rows("introspection", ("hot ValidateToken, 64 in flight", PER_SECOND)),
    *_each("introspection", PER_SECOND, "introspection at {}", *IDENTITY),
    *_rows("scale",
           ("lookup of all of a token's seven scopes at 10 M records", "ns", "<= 600", "300"),
           ("the same lookup, with hashing the seven scopes", "ns"),
           ("disk per subject at 10 M", "bytes", "<= 300", "200"),
           ("start with 10 M logouts, to ready", "s", "<= 20", "5"),
           ("resident memory per subject at 10 M, above an empty server", "bytes", "<= 200", "100"),
           ("hot throughput with 10 M logouts / with none", RATIO, ">= 0.95", "1"),
           ("memory and disk after every one of 10 M records was overwritten three times / before", RATIO,
            "<= 1.5", "1.2"),
           ("start with 10 M logouts, files in the page cache", "s"),
           ("loading, records per second", PER_SECOND),
           ("disk after three overwritings / before", RATIO),
           ("memory after three overwritings / before", RATIO)),
    *_rows("overload",
           ("goodput at twice the capacity / at capacity", RATIO, ">= 0.9", "0.97"),
           ("goodput at twice the capacity, open loop / at capacity", RATIO),
           ("refused calls answered within, p99", "ms", "<= 5", "2"),
           ("refused calls answered within, p50", "ms"),
           ("health check p99 during overload", "ms"),
           ("refused calls answered within, p99, open loop", "ms"),
           ("refused calls answered within, p50, open loop", "ms"),
           ("health check p99 during overload, open loop", "ms"),
           ("capacity, cold RS256", PER_SECOND),
           ("goodput with twice the callers", PER_SECOND),
           ("goodput at twice the rate, open loop", PER_SECOND)),
]
BY_NAME = {row.name: row for row in ROWS}
SECTIONS = list(dict.fromkeys(row.section for row in ROWS))


def rows_of(section):
    return [row for row in ROWS if row.section == section]
