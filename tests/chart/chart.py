"""Renders the chart with the real helm."""

import copy
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "curfew"
EXAMPLES = {path.name.removesuffix("-values.yaml"): path for path in (CHART / "ci").iterdir()}
HELM = Path(ROOT, os.environ.get("CURFEW_TOOLS", "target/tools"), "bin", "helm")
ISSUER = {
    "name": "acme",
    "issuer": "https://acme.example/",
    "audiences": ["api"],
    "algorithms": ["RS256"],
    "keys": {"discovery": True},
}


def helm(*arguments, values=None):
    """Runs helm with these values."""
    command = [HELM, *map(str, arguments)]
    if values is not None:
        command += ["--values", "-"]
    return subprocess.run(command, input=as_yaml(values), text=True, capture_output=True, check=False)


def as_yaml(values):
    """JSON is YAML, except that helm's reader takes neither surrogate pairs nor these characters as they are."""
    text = json.dumps(values, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff]", lambda odd: f"\\u{ord(odd[0]):04x}", text)


def template(values):
    return helm("template", "curfew", CHART, "--namespace", "identity", values=values)


def render_all(values):
    """The objects of a release by kind and name."""
    done = template(values)
    assert done.returncode == 0, done.stderr
    objects = [one for one in yaml.safe_load_all(done.stdout) if one]
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    assert len(by_name) == len(objects), "two objects of one name"
    return by_name


def render(**values):
    """The same, with one issuer unless the values say otherwise."""
    return render_all({"issuers": [ISSUER], **values})


def refusal(**values):
    """Why helm does not render these values."""
    done = template({"issuers": [ISSUER], **values})
    assert done.returncode != 0, f"rendered, but should not: {values}"
    return done.stderr


def issuer(**fields):
    return {**copy.deepcopy(ISSUER), **fields}


def stateful_set(objects):
    (found,) = (one for (kind, _), one in objects.items() if kind == "StatefulSet")
    return found


def pod(objects):
    return stateful_set(objects)["spec"]["template"]


def container(objects):
    (found,) = pod(objects)["spec"]["containers"]
    return found


def config(objects):
    (found,) = (one for (kind, _), one in objects.items() if kind == "ConfigMap")
    return tomllib.loads(found["data"]["curfew.toml"])


def example(name):
    return yaml.safe_load(EXAMPLES[name].read_text())
