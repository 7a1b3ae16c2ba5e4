"""The image and the chart agree."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from chart import CHART, ROOT, container, pod, render

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_hadolint_has_nothing_to_say():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_the_charts_user_and_listens_on_its_port():
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.M) == ["65532:65532"]
    assert pod(render())["spec"]["securityContext"]["runAsUser"] == 65532
    assert f"EXPOSE {container(render())['ports'][0]['containerPort']}\n" in DOCKERFILE


def test_the_image_ends_without_a_shell_and_the_program_runs_in_it(tmp_path):
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)[-1] == "scratch"
    program = ROOT / "target/debug/curfew"
    if os.geteuid() != 0 or not program.exists():
        pytest.skip("needs root, and the program built: cargo build")
    root = tmp_path / "root"
    subprocess.run([ROOT / "image-root", program, root], check=True)
    def inside(*command):
        return subprocess.run(["chroot", "--userspec=65532:65532", root, *command], text=True, capture_output=True, check=False)
    demo = inside("/usr/local/bin/curfew", "demo", "--once")
    assert demo.returncode == 0 and "Log out means logged out." in demo.stdout, demo.stdout + demo.stderr
    assert inside("/bin/sh", "-c", "true").returncode == 127


def test_the_image_starts_what_the_chart_starts():
    assert 'ENTRYPOINT ["/usr/local/bin/curfew"]\nCMD ["serve", "--config", "/etc/curfew/curfew.toml"]\n' in DOCKERFILE
    started = container(render())
    assert "command" not in started and started["args"] == ["serve", "--config", "/etc/curfew/curfew.toml"]


def test_one_version_everywhere():
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == version
    assert f"ARG VERSION={version}\n" in DOCKERFILE
