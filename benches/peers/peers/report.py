"""Writes docs/performance.md, its charts and docs/performance.json from what the sections left behind."""

import json
import re

from . import catalogue, plots, stats, words
from .numbers import pretty, target_text, with_unit

NOT_RUN = "not measured yet"


def rows(sections):
    """Every row of the catalogue with its figures. `sections` is what each section wrote, by name."""
    out = []
    for row in catalogue.ROWS:
        result = sections.get(row.section, {}).get("rows", {}).get(row.name, {"samples": [], "reason": NOT_RUN})
        samples = result["samples"]
        value = stats.median(samples) if samples else None
        out.append({
            "name": row.name, "section": row.section, "value": value, "unit": row.unit, "target": row.target,
            "aim": row.aim, "met": stats.meets(value, row.target), "spread": stats.spread(samples) if samples else None,
            "rounds": len(samples), "reason": None if samples else result["reason"],
        })
    return out


def as_json(sections, about):
    return about | {"rows": rows(sections)}


def as_markdown(sections, about, charts):
    """`charts` has the files of each section's charts: (title, path)."""
    table = rows(sections)
    return "\n\n".join([
        "# Performance",
        words.opening(sections, about),
        _targets([row for row in table if row["target"]]),
        *(_section(name, sections.get(name), [row for row in table if row["section"] == name], charts.get(name, []))
          for name in catalogue.SECTIONS),
        words.CLOSING,
        _facts("Machine", about["machine"]),
        _facts("Versions", about["versions"]),
    ]) + "\n"


def draw(sections, directory, prefix):
    """Writes every chart that has something to show; returns section -> [(title, path in the report)]."""
    drawn = {}
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.svg"):
        old.unlink()
    for name, section in sections.items():
        for number, chart in enumerate(section["charts"]):
            data = [_bar(section, row, label) for row, label in chart["bars"]]
            data = [bar for bar in data if bar]
            if not data:
                continue
            file = f"{name}{'' if number == 0 else f'-{number + 1}'}.svg"
            (directory / file).write_text(plots.bars(chart["title"], chart["unit"], data))
            drawn.setdefault(name, []).append((chart["title"], f"{prefix}/{file}"))
    return drawn


def write(sections, about, out):
    out.mkdir(parents=True, exist_ok=True)
    charts = draw(sections, out / "performance", "performance")
    (out / "performance.md").write_text(as_markdown(sections, about, charts))
    (out / "performance.json").write_text(json.dumps(as_json(sections, about), indent=2, ensure_ascii=False) + "\n")


def _bar(section, row, label):
    samples = section["rows"][row]["samples"]
    if not samples:
        return None
    # What is Curfew's own has one of its methods' names.
    ours = re.search(r"Validate|RecordLogout|GetLastLogout|^cold|goodput|capacity", row) is not None
    return label, stats.median(samples), *stats.spread(samples), ours


def _targets(table):
    lines = ["| | target | aim | measured | rounds from – to | met |", "| --- | --- | --- | --- | --- | --- |"]
    for row in table:
        met = {True: "yes", False: "**no**", None: "–"}[row["met"]]
        aim = "" if row["aim"] is None else row["aim"]
        lines.append(f"| {row['name']} | {target_text(row['target'], row['unit'])} | {aim} | {_value(row)} | "
                     f"{_spread(row)} | {met} |")
    return "\n".join(lines)


def _section(name, section, table, charts):
    title, text = words.SECTIONS[name]
    parts = [f"## {title}", text]
    if section:
        parts += [f"![{chart}]({path})" for chart, path in charts]
        lines = ["| | measured | rounds from – to |", "| --- | --- | --- |"]
        lines += [f"| {row['name']} | {_value(row)} | {_spread(row)} |" for row in table]
        parts.append("\n".join(lines))
        parts.append(words.measured(section))
    else:
        parts.append(f"*{NOT_RUN.capitalize()}.*")
    return "\n\n".join(parts)


def _value(row):
    if row["value"] is None:
        # A table's cell ends at a bar, and HTML begins with a bracket.
        reason = row["reason"].replace("|", "/").replace("<", "‹").replace("\n", " ")
        return f"*none: {reason}*"
    return with_unit(row["value"], row["unit"])


def _spread(row):
    if row["rounds"] < 2:
        return ""
    least, most = row["spread"]
    return f"{pretty(least, row['unit'])} – {pretty(most, row['unit'])}"


def _facts(title, facts):
    return "\n".join([f"## {title}", "", *(f"- {name}: {value}" for name, value in facts.items())])
