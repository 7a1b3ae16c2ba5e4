"""Generates the client's stubs from the proto, as any Python user would, and starts the Curfew that the tests share."""

import signal
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import pytest
from grpc_tools import protoc

PROTO = Path(__file__).parents[3] / "proto"

# Ends the tests as Ctrl-C does, so that every server is stopped.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# Held here, so that it lasts as long as the tests.
STUBS = tempfile.TemporaryDirectory(prefix="curfew-stubs-")
if protoc.main([
    "protoc",
    f"-I{PROTO}",
    f"-I{files('grpc_tools') / '_proto'}",
    f"--python_out={STUBS.name}",
    f"--grpc_python_out={STUBS.name}",
    str(PROTO / "curfew/v1/revocation.proto"),
]):
    raise SystemExit("the proto does not compile")
sys.path.insert(0, STUBS.name)

from server import CurfewServer  # noqa: E402  (imports the stubs)
from tokens import Issuers  # noqa: E402


@pytest.fixture(scope="session")
def issuers(tmp_path_factory):
    return Issuers(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def curfew(issuers, tmp_path_factory):
    with CurfewServer(tmp_path_factory.mktemp("curfew"), issuers.config) as server:
        yield server


@pytest.fixture
def stub(curfew):
    return curfew.stub


@pytest.fixture
def own_curfew(issuers, tmp_path):
    """A Curfew for one test alone, which may stop it."""
    with CurfewServer(tmp_path, issuers.config) as server:
        yield server


@pytest.fixture
def user(request):
    """A user whom no other test knows."""
    return f"user of {request.node.name}"[:200]
