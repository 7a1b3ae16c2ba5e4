"""Reads the comments of the chart's values; as a program, writes them into the README's table."""

import json
from pathlib import Path

import yaml

CHART = Path(__file__).resolve().parents[2] / "helm" / "curfew"
README = CHART / "README.md"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


def _description(lines, line):
    """The `# -- ` comment right above a line, or None."""
    text = []
    for above in reversed(lines[:line]):
        above = above.strip()
        if not above.startswith("#"):
            return None
        if above.startswith("# -- "):
            return " ".join([above.removeprefix("# -- "), *text])
        text.insert(0, above.removeprefix("#").strip())
    return None


def _walk(node, lines, path=()):
    for key, value in node.value:
        here = (*path, key.value)
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _walk(value, lines, here)
        else:
            default = yaml.SafeLoader("").construct_object(value, deep=True)
            yield here, default, _description(lines, key.start_mark.line)


def leaves():
    """Every value that can be set: its path, its default, and its description or None."""
    text = (CHART / "values.yaml").read_text()
    return list(_walk(yaml.compose(text), text.splitlines()))


def table():
    rows = [f"| `{'.'.join(path)}` | `{json.dumps(default)}` | {text} |\n" for path, default, text in leaves()]
    return "| value | default | |\n| --- | --- | --- |\n" + "".join(rows)


def split_readme():
    """The README before the table, the table, and what comes after it."""
    before, rest = README.read_text().split(BEGIN)
    old, after = rest.split(END)
    return before + BEGIN, old, END + after


if __name__ == "__main__":
    before, _, after = split_readme()
    README.write_text(before + table() + after)
