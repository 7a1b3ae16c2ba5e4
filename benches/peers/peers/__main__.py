"""The command: runs the sections one after the other, keeps what each found, and writes the report."""

import argparse
import datetime
import importlib
import json
import os
import shutil
import sys
from pathlib import Path

from . import catalogue, machine, processes, report
from .measuring import FAILURES, Context, Results, reason

ROOT = Path(__file__).resolve().parents[3]


def arguments(argv=None):
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured (5)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long each measurement takes (4)")
    parser.add_argument("--records", type=int, metavar="N", help="how many logouts the large store has (10,000,000)")
    parser.add_argument("--brief", action="store_true", help="one round of a second each, and small sizes")
    parser.add_argument("--only", metavar="NAME,…", help=f"some sections: {', '.join(catalogue.SECTIONS)}")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the report goes (docs; if brief: target/peers/brief)")
    parser.add_argument("--report-only", action="store_true", help="measure nothing, write the report anew")
    chosen = parser.parse_args(argv)
    chosen.only = chosen.only.split(",") if chosen.only else catalogue.SECTIONS
    for name in chosen.only:
        if name not in catalogue.SECTIONS:
            parser.error(f"there is no section {name!r}; there are {', '.join(catalogue.SECTIONS)}")
    for name, usual, brief in (("rounds", 5, 1), ("seconds", 4.0, 1.0), ("records", 10_000_000, 100_000)):
        given = getattr(chosen, name)
        if given is not None and given <= 0:
            parser.error(f"--{name} must be above zero")
        setattr(chosen, name, given or (brief if chosen.brief else usual))
    return chosen


def main():
    chosen = arguments()
    processes.stop_on_signals()
    os.chdir(ROOT)
    work = ROOT / "target" / "peers"
    context = Context(
        root=ROOT, bin=Path(os.environ.get("CURFEW_PEERS_BIN", ROOT / "target" / "release")).resolve(),
        tools=Path(os.environ.get("CURFEW_TOOLS", ROOT / "target" / "tools")).resolve(), work=work,
        rounds=chosen.rounds, seconds=chosen.seconds, records=chosen.records, brief=chosen.brief)
    # What a brief run finds must never be taken for figures.
    kept = work / "brief" if chosen.brief else work
    out = chosen.out or (kept if chosen.brief else ROOT / "docs")
    kept.mkdir(parents=True, exist_ok=True)

    missing = 0
    if not chosen.report_only:
        about = {"date": now(), "machine": machine.machine(work), "versions": machine.versions(context)}
        keep(kept / "about.json", about)
        try:
            for name in chosen.only:
                missing += run_section(context, name, kept)
        finally:
            processes.stop_all()
            shutil.rmtree(work / "data", ignore_errors=True)

    sections = {name: json.loads(path.read_text()) for name in catalogue.SECTIONS if (path := kept / f"{name}.json").exists()}
    if not sections:
        sys.exit("benches/peers/run: nothing was measured yet")
    report.write(sections, json.loads((kept / "about.json").read_text()), out)
    print(f"\nwrote {out / 'performance.md'} and {out / 'performance.json'}")
    if missing:
        sys.exit(f"benches/peers/run: {missing} figures could not be measured; the report says why")


def run_section(context, name, kept):
    """Measures a section and keeps what it found; returns how many figures are missing."""
    print(f"\n== {name}", flush=True)
    results = Results(name)
    why = "not measured"
    began = now()
    try:
        importlib.import_module(f"{__package__}.sections.{name}").measure(context, results)
    except FAILURES as error:
        why = reason(error)
        context.log(f"failed: {why}")
    finally:
        processes.stop_all()
    found = results.as_json(why) | {"date": began, "rounds": context.rounds, "seconds": context.seconds,
                                    "brief": context.brief}
    keep(kept / f"{name}.json", found)
    return sum(not row["samples"] for row in found["rows"].values())


def keep(path, content):
    """All of it or nothing."""
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(content, indent=1, ensure_ascii=False))
    scratch.replace(path)


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
