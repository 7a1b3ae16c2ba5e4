"""values.yaml, values.schema.json and README.md say the same."""

import json

import pytest
from chart import example
from values_table import CHART, leaves, split_readme, table

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
# What Kubernetes defines, and the chart only passes on.
OPEN = {
    "global", "affinity", "tolerations[]", "extraEnv[].valueFrom",
    "networkPolicy.from[].podSelector", "networkPolicy.from[].namespaceSelector", "networkPolicy.from[].ipBlock",
    "networkPolicy.httpFrom[].podSelector", "networkPolicy.httpFrom[].namespaceSelector",
    "networkPolicy.httpFrom[].ipBlock", "networkPolicy.egress[].to[]", "networkPolicy.egress[].ports[]",
}


def resolve(node):
    return SCHEMA["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def objects(node, path=""):
    """Every object of the schema, with its path."""
    node = resolve(node)
    if node.get("type") == "object":
        yield path, node
    for key, child in node.get("properties", {}).items():
        yield from objects(child, f"{path}.{key}".lstrip("."))
    for child in node.get("oneOf", []):
        yield from objects(child, path)
    if "items" in node:
        yield from objects(node["items"], path + "[]")


def schema_leaves(node, path=()):
    for key, child in node["properties"].items():
        child = resolve(child)
        if "properties" in child:
            yield from schema_leaves(child, (*path, key))
        else:
            yield (*path, key)


@pytest.mark.parametrize("path,text", [(".".join(path), text) for path, _, text in leaves()])
def test_every_value_has_a_comment(path, text):
    assert text, f"{path}: no `# -- ` comment above it in values.yaml"


def test_the_schema_lists_the_values_and_no_others():
    assert {path for path, _, _ in leaves()} == set(schema_leaves(SCHEMA)) - {("global",)}


def test_the_schema_is_closed():
    still_open = {path for path, node in objects(SCHEMA) if "additionalProperties" not in node}
    assert still_open == OPEN


def test_every_field_of_an_issuer_is_described():
    for name, field in SCHEMA["definitions"]["issuer"]["properties"].items():
        assert resolve(field).get("description") or field.get("description"), name


def test_the_example_sets_every_field_of_an_issuer():
    """So whoever feeds it to `curfew check-config` learns of any field that the program does not know."""
    fields = SCHEMA["definitions"]["issuer"]["properties"]
    issuers = example("every-value")["issuers"]
    assert set().union(*issuers) == fields.keys()
    forms = {key for form in resolve(fields["keys"])["oneOf"] for key in form["properties"]}
    assert set().union(*(one["keys"] for one in issuers)) == forms


def test_the_readme_has_the_table():
    assert split_readme()[1] == table(), "run: target/tools/venv-chart/bin/python tests/chart/values_table.py"
