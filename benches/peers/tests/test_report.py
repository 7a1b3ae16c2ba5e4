import contextlib
import io
import json
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path
from unittest import mock

from peers import catalogue, report, words
from peers.__main__ import arguments, run_section
from peers.measuring import Contest, Context, Results, Stage
from peers.processes import Trouble

ABOUT = {"date": "2026-01-02T03:04:05+00:00", "machine": {"cpu": "a processor", "cores": 2}, "versions": {"curfew": "0.1.0"}}
HOT = "hot ValidateToken / bare echo, one core, h2load"


def context(directory, rounds=3):
    return Context(root=directory, bin=directory, tools=directory, work=directory, rounds=rounds, seconds=1, records=100,
                   brief=False)


def sections():
    """Every row measured but those of two sections, one of which failed and one of which was never run."""
    out = {}
    for number, name in enumerate(catalogue.SECTIONS):
        results = Results(name)
        if name == "cold":
            results.put("cold RS256 / stock echo", mock.Mock(side_effect=Trouble("not built: a|b <c>")))
        elif name != "reads":
            for row in catalogue.rows_of(name):
                results.put(row.name, [1.0 + number, 2.0 + number, 1.5 + number])
            results.chart("A & B", "a second", (catalogue.rows_of(name)[0].name, "A < B"), catalogue.rows_of(name)[1].name)
        out[name] = results.as_json("it ended early") | {
            "date": ABOUT["date"], "rounds": 3, "seconds": 4.0, "brief": False}
    del out["reads"]
    return out


class Catalogue(unittest.TestCase):
    def test_names_are_unique_and_every_section_has_its_words(self):
        self.assertEqual(len(catalogue.BY_NAME), len(catalogue.ROWS))
        self.assertEqual(set(words.SECTIONS), set(catalogue.SECTIONS))


class Report(unittest.TestCase):
    def test_rows(self):
        rows = {row["name"]: row for row in report.rows(sections())}
        self.assertEqual(list(rows), [row.name for row in catalogue.ROWS])
        hot = rows[HOT]
        self.assertEqual((hot["value"], hot["spread"], hot["met"], hot["target"]), (1.5, [1.0, 2.0], True, ">= 0.88"))
        cold = rows["cold RS256 / stock echo"]
        self.assertEqual((cold["value"], cold["met"], cold["reason"]), (None, None, "not built: a|b <c>"))
        self.assertEqual(rows["cold ES256 / stock echo"]["reason"], "it ended early")
        self.assertEqual(rows["GetLastLogout / Redis GET"]["reason"], "not measured yet")

    def test_files(self):
        with tempfile.TemporaryDirectory() as name:
            out = Path(name)
            report.write(sections(), ABOUT, out)
            page = (out / "performance.md").read_text()
            # Every table is whole: a stray bar would make a cell of its own.
            for block in page.split("\n\n"):
                bars = {line.count("|") for line in block.splitlines() if line.startswith("|")}
                self.assertLessEqual(len(bars), 1, block)
            self.assertIn("| 1.50 | 1.00 – 2.00 | yes |", page)
            self.assertIn("*none: not built: a/b ‹c>*", page)
            for file in page.split("](")[1:]:
                target = file.split(")")[0]
                if target.startswith("performance/"):
                    drawing = xml.parse(out / target).getroot()
                    self.assertEqual(drawing.get("width"), "760")
            self.assertIn("performance/hot.svg", page)
            self.assertNotIn("performance/cold.svg", page)
            kept = json.loads((out / "performance.json").read_text())
            self.assertEqual(kept["machine"]["cores"], 2)
            self.assertEqual(len(kept["rows"]), len(catalogue.ROWS))

    def test_a_brief_run_says_so(self):
        brief = {"hot": sections()["hot"] | {"brief": True}}
        self.assertIn("brief run", report.as_markdown(brief, ABOUT, {}))


class Measuring(unittest.TestCase):
    def test_a_contest_takes_turns_and_goes_on_without_those_that_fail(self):
        seen = []

        def lose():
            seen.append("b")
            if seen.count("b") == 2:
                raise Trouble("it fell over")
            return 1

        with contextlib.redirect_stdout(io.StringIO()):
            contest = Contest(context(Path("/nowhere")), {"c": "not built"}).run(
                {"a": lambda: seen.append("a") or 2, "b": lose, "c": lambda: 1 / 0})
        self.assertEqual("".join(seen), "ababa")
        self.assertEqual(contest.samples("a"), [2, 2, 2])
        with self.assertRaisesRegex(Trouble, "b: it fell over"):
            contest.ratios("a", "b")
        with self.assertRaisesRegex(Trouble, "c: not built"):
            contest.samples("c")

    def test_a_stage_keeps_the_reason(self):
        with contextlib.redirect_stdout(io.StringIO()), Stage(context(Path("/nowhere"))) as stage:
            self.assertIsNone(stage.start("x", mock.Mock(side_effect=Trouble("no such thing"))))
        self.assertEqual(stage.missing, {"x": "no such thing"})

    def test_every_section_without_programs_only_has_reasons(self):
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            gone = FileNotFoundError(2, "no", "nothing")
            # Ten thousand signatures take their time, and nobody is to check them.
            with mock.patch("peers.measuring.Issuer"), mock.patch("peers.processes.subprocess.Popen", side_effect=gone), \
                    contextlib.redirect_stdout(io.StringIO()):
                for section in catalogue.SECTIONS:
                    run_section(context(directory), section, directory)
                    rows = json.loads((directory / f"{section}.json").read_text())["rows"]
                    filled = {name for name, row in rows.items() if row["samples"]}
                    # The disk is always there.
                    self.assertLessEqual(filled, {"append and fdatasync of 4 KiB, median"})
                    self.assertTrue(all(row["samples"] or row["reason"] for row in rows.values()))
                    self.assertEqual(set(rows), {row.name for row in catalogue.rows_of(section)})


class Arguments(unittest.TestCase):
    def test_defaults(self):
        chosen = arguments([])
        self.assertEqual((chosen.rounds, chosen.seconds, chosen.records), (5, 4.0, 10_000_000))
        self.assertEqual(chosen.only, catalogue.SECTIONS)
        brief = arguments(["--brief", "--records", "5"])
        self.assertEqual((brief.rounds, brief.seconds, brief.records), (1, 1.0, 5))

    def test_refusals(self):
        for wrong in (["--only", "hot,cool"], ["--rounds", "0"], ["--round", "3"]):
            with self.assertRaises(SystemExit), mock.patch("sys.stderr"):
                arguments(wrong)


if __name__ == "__main__":
    unittest.main()
