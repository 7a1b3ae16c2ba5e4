"""What was measured on, and with what."""

import importlib.metadata
import os
import platform
import re
import subprocess

from . import postgres
from .processes import Trouble


def machine(work):
    return {"cpu": _cpu(), "cores": len(os.sched_getaffinity(0)), "memory": _memory(), "disk": _disk(work),
            "kernel": f"{platform.system()} {platform.release()}"}


def versions(context):
    """The first number that each program says it has; those that are not there are left out."""
    commands = {
        "curfew": [str(context.bin / "curfew"), "--version"],
        "rustc": ["rustc", "--version"],
        "h2load (nghttp2)": ["h2load", "--version"],
        "Redis": ["redis-server", "--version"],
        "Node.js": ["node", "--version"],
        "Java": ["java", "--version"],
    }
    try:
        commands["PostgreSQL"] = [postgres.tool("postgres"), "--version"]
    except Trouble:
        pass
    found = {name: _version(command) for name, command in commands.items()}
    package = context.tools / "peers-node" / "node_modules" / "oidc-provider" / "package.json"
    if package.exists():
        found["oidc-provider"] = _number(re.search(r'"version":.*', package.read_text())[0])
    for home in sorted(context.tools.glob("keycloak-*/bin")):
        found["Keycloak"] = _number(home.parent.name)
    found["Python"] = platform.python_version()
    found["grpcio"] = importlib.metadata.version("grpcio")
    return {name: version for name, version in found.items() if version}


def _version(command):
    try:
        return _number(subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout)
    except (OSError, subprocess.SubprocessError):
        return None


def _number(text):
    found = re.search(r"\d+(\.\d+)+(-[a-z0-9.]+)?", text)
    return found and found[0]


def _cpu():
    found = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _memory():
    kib = int(re.search(r"^MemTotal:\s+(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)[1])
    return f"{kib / 2**20:.0f} GiB"


def _disk(path):
    """The file system that a path is on, its device, and what kind of device that is."""
    path = str(path.resolve())
    best = ("", "?", "?", "")
    for line in _read("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        number, point = before.split()[2], before.split()[4]
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of mounts at the same place the last hides the others.
        if inside and len(point) >= len(best[0]):
            best = (point, *after.split()[:2], number)
    _, kind, device, number = best
    block = os.path.realpath(f"/sys/dev/block/{number}")
    for queue in (f"{block}/queue", f"{block}/../queue"):
        rotational = _read(f"{queue}/rotational").strip()
        if rotational:
            # A virtual disk says that it rotates, or whatever it is told to.
            virtual = os.path.basename(block).startswith(("vd", "xvd"))
            spinning = "virtual" if virtual else {"0": "does not rotate", "1": "rotates"}.get(rotational, "")
            model = _read(f"{queue}/../device/model").strip()
            return ", ".join(part for part in (f"{kind} on {device}", model, spinning) if part)
    return f"{kind} on {device}"


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
