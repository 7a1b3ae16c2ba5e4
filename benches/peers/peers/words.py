"""The prose of the report: how each figure was measured, and what bounds it. It says nothing that a run could disprove."""

import textwrap


def opening(sections, about):
    text = (
        "Every ratio is of two measurements of the same run on the same machine, made in turn (A B A B …), and is the "
        "median of the rounds' own ratios; absolute figures are medians over the rounds, and the machine's more than "
        "Curfew's. Load generator, server and peers share the machine. Every request that is counted was checked: by the "
        "load generator answer by answer, or, where that is h2load, by a call with the very same bytes before and after, "
        "and by the size of all answers together. *Target* is what must hold, *aim* what should. Written by "
        f"`benches/peers/run` on {about['date'][:10]}.")
    text = fill(text)
    if any(section.get("brief") for section in sections.values()):
        text += ("\n\n**This is a brief run: one round of about a second each, and small sizes. It shows that the "
                 "benchmarks work, not how fast anything is.**")
    return text


def measured(section):
    rounds = section["rounds"]
    text = (f"Measured on {section['date'][:10]}, {rounds} round{'s' if rounds != 1 else ''} of "
            f"{section['seconds']:g} s each.")
    return fill(" ".join([text, *section["notes"]]))


def fill(text):
    return textwrap.fill(text, 125, break_long_words=False, break_on_hyphens=False)


SECTIONS = {
    "hot": ("A hot token on one core", """\
Server on one core, h2load on another; 4 connections with 16 calls each in flight; one RS256 token of about 1 KB. The echo is
the smallest unary method there is, on the same runtime and with the same allocator, asked with the same bytes and answering
with as many as Curfew does. What is missing to 1 is all that Curfew does for a token that it has checked before: finding it,
looking up its seven scopes, deciding, and writing the answer. The rest is HTTP/2."""),
    "hot10k": ("Ten thousand hot tokens on one core", """\
The same cores, with `curfew bench` sending 10,000 tokens in turn, 64 calls in flight over 4 connections, to Curfew and, byte
for byte, to the echo. Against one token over and over, the processor's own caches help less: every answer is about another token and
another user."""),
    "shipped": ("As shipped", """\
Nothing pinned, every default: one worker for each core, each with its own connections. The peer is an empty method on plain,
multi-threaded tonic. Client and server share the cores, so the client's share is in both figures and pulls the ratio towards 1.
One connection, or three, cannot be shared out evenly among the cores; both are there to show what that costs. The percentiles are `curfew bench`'s, with the same number in flight; at full load they are waiting
time before all, which is the number in flight divided by the throughput."""),
    "cold": ("Tokens never seen before", """\
10,000 tokens in turn against a token cache of 64 KiB, which has long forgotten a token when its turn comes again; and RS256 with
the cache switched off. Nothing is pinned; the peer is the stock echo with the same bodies. The bound is the signature: one
verification for each call, which costs what it costs in the cryptographic library, and the more the slower the algorithm."""),
    "stream": ("Streams", """\
The same 10,000 tokens over one `ValidateTokens` stream on each of 4 connections, 256 unanswered requests each, against single
calls over 4 connections, 64 in flight. A call costs HTTP/2 a request with headers, an answer with headers and trailers, and a
place in the table of streams; a message costs its bytes."""),
    "records": ("Durable logouts", """\
Distinct subjects everywhere, keys of about 40 bytes, and an answer only when the write is on disk: PostgreSQL with `fsync` and
`synchronous_commit` on, an upsert that keeps the later instant, prepared, by pgbench with two threads; Redis with an append-only
file, synced before it answers (`always`); and, to show what durability costs, one synced every second (`everysec`), which can lose
that second. Its file is not rewritten meanwhile, which spares it work. Before every measurement the disk is synced. A caller
of a database has a connection of its own, Curfew's share up to 16. With one caller the bound is the disk: one sync for each
answer, plus the round trip. With many it is how many callers share a sync, and then the processor. All of one subject, by h2load
with 64 in flight, is an upper edge: one record, again and again."""),
    "reads": ("Reading the last logout", """\
64 callers; a point read by primary key in PostgreSQL (prepared) and a GET in Redis, of random subjects that are there;
`GetLastLogout` in Curfew, of subjects that `curfew bench` makes up.
All of them answer from memory, so that the figures compare protocols more than stores: gRPC over HTTP/2, Redis's own protocol and
PostgreSQL's, each with the load generator that its users would use."""),
    "introspection": ("Token introspection instead", """\
What a backend would do without Curfew to know that a token is still good: ask the provider (RFC 7662). One live token, 64 requests
in flight over connections that stay open, HTTP/1.1, by h2load; the answer is `active: true`, checked before and after. oidc-provider
keeps its tokens in memory, in one process of Node.js; Keycloak runs in production mode with its built-in database and caches. Both
are warmed up for a minute first, for their compilers work while they run. Curfew answers the same number in flight with
ValidateToken, in the same rounds."""),
    "scale": ("Ten million logouts", """\
A store of so many subjects, loaded in process. The lookup is that of all seven scopes of a token at random places of the full
store, timed in process, without and with the hashing of the scopes; memory that no cache holds bounds it. Disk is what
the files occupy. The start is from the start of the process to its ready line: everything is read once. Memory is what `serve`
occupies on this store, less what it does on an empty one, after both have served. Throughput is of 10,000 hot tokens, in turn
against both servers. At last, in a fresh store, every record is overwritten three times: the row is the worse of what that does
to disk and memory."""),
    "overload": ("Overload", """\
Cold RS256 tokens from 16 connections; the server with one worker on one core, the load generator and whoever asks for health on
the other. The capacity is the best goodput (good answers a second) as the callers are doubled from 32 to 256, and is measured
anew in every round at that number. Then twice the callers, who wait as long as a refusal asks for (closed loop); and calls at
twice the rate of the capacity, whatever becomes of them (open loop: a refused call is counted from when it was due, not
from when it could be sent). Meanwhile another client asks for the server's health every 50 ms."""),
}

CLOSING = """\
## Again

```console
$ benches/peers/run                          # everything, on a quiet machine
$ benches/peers/run --only hot,records       # some sections; the others keep their figures
$ benches/peers/run --report-only            # only this page
```

[`benches/peers/README.md`](../benches/peers/README.md) says more. The figures are in [`performance.json`](performance.json) as well."""
