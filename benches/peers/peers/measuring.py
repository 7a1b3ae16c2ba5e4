"""What every section uses: what to run with, contests in turn, and the place where its figures go."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from . import catalogue, stats
from .processes import Trouble
from .tokens import Issuer

# What may go wrong with one peer without ending the others.
FAILURES = (Trouble, OSError, ValueError, KeyError, TypeError, ZeroDivisionError)


@dataclass
class Context:
    """How to measure."""
    root: Path
    bin: Path
    tools: Path
    work: Path
    rounds: int
    seconds: float
    records: int
    brief: bool
    issuers: dict = field(default_factory=dict)

    def program(self, name):
        """A built program, or Trouble."""
        path = self.bin / name
        if not path.exists():
            raise Trouble(f"not built: {path.relative_to(self.root) if path.is_relative_to(self.root) else path}")
        return path

    @property
    def warm_up(self):
        return 0.5 if self.brief else 1

    @property
    def known_tokens(self):
        return 1000 if self.brief else 10_000

    def issuer(self, algorithm="RS256"):
        """The algorithm's issuer, the same in all sections: its key is in a file of its own."""
        if algorithm not in self.issuers:
            self.issuers[algorithm] = Issuer(algorithm, self.work / "data" / "issuers", self.known_tokens)
        return self.issuers[algorithm]

    def log(self, text):
        print(f"  {text}", flush=True)

def reason(error):
    """An error in words."""
    return str(error) if isinstance(error, Trouble) else f"{type(error).__name__}: {error}"


class Stage(contextlib.ExitStack):
    """Holds what a section has started, and remembers why something could not be."""

    def __init__(self, context):
        super().__init__()
        self.missing = {}
        self._context = context

    def start(self, name, make):
        """Enters what `make` returns; None, and a reason kept under the name, if that fails."""
        try:
            return self.enter_context(make())
        except FAILURES as error:
            self.fail(name, error)
            return None

    def fail(self, name, error):
        self.missing[name] = reason(error)
        self._context.log(f"{name}: {self.missing[name]}")


class Contest:
    """Measures contenders in turn, round after round: A B A B A B."""

    def __init__(self, context, missing=None):
        self._context = context
        self._missing = missing if missing is not None else {}
        self._samples = {}

    def run(self, contenders, unit="/s"):
        """Each contender is a function that returns a number, or a dictionary of numbers. One that fails is left out of
        the rounds that follow, and has no samples."""
        running = {name: measure for name, measure in contenders.items() if name not in self._missing}
        self._samples |= {name: [] for name in running}
        for number in range(1, self._context.rounds + 1):
            for name, measure in list(running.items()):
                try:
                    sample = measure()
                except FAILURES as error:
                    self._missing[name] = reason(error)
                    self._context.log(f"{name}: {self._missing[name]}")
                    del running[name]
                    continue
                self._samples[name].append(sample)
                shown = sample if not isinstance(sample, dict) else next(iter(sample.values()))
                self._context.log(f"round {number}: {name}: {shown:,.0f}{unit}")
        return self

    def samples(self, name, key=None):
        """The samples of a contender, or Trouble with the reason why there are none."""
        if name in self._missing:
            raise Trouble(f"{name}: {self._missing[name]}")
        samples = self._samples[name]
        return samples if key is None else [sample[key] for sample in samples]

    def ratios(self, above, below, key=None):
        return stats.ratios(self.samples(above, key), self.samples(below, key))


@dataclass
class Results:
    """The figures of one section."""
    section: str
    rows: dict = field(default_factory=dict)
    charts: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def put(self, name, samples):
        """A row: a list of samples, or a function that returns one and may fail, which leaves a reason."""
        row = catalogue.BY_NAME[name]
        assert row.section == self.section, name
        try:
            samples = samples() if callable(samples) else samples
            self.rows[name] = {"samples": [float(sample) for sample in samples], "reason": None}
        except FAILURES as error:
            self.rows[name] = {"samples": [], "reason": reason(error)}

    def chart(self, title, unit, *names):
        """Asks for a bar chart of rows; each is a row's name, or a pair of it and a label."""
        self.charts.append({"title": title, "unit": unit,
                            "bars": [[name, name] if isinstance(name, str) else list(name) for name in names]})

    def note(self, text):
        """Something for the report that only this run knows."""
        self.notes.append(text)

    def as_json(self, why_missing):
        """With every row of the section; those that nothing filled are missing for this reason."""
        for row in catalogue.rows_of(self.section):
            self.rows.setdefault(row.name, {"samples": [], "reason": why_missing})
        return {"section": self.section, "rows": self.rows, "charts": self.charts, "notes": self.notes}
