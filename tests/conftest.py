"""Shared by all tests: hypothesis profiles, the rule for tests that run real programs, and one Docker engine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.engine import NoEngineError, engine

settings.register_profile(
    "default", deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# A change is judged by its own faults: CI draws the same inputs each time, everybody else new ones.
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

KEPT = re.compile(
    "PATH|LD_LIBRARY_PATH|HOME|USER|LOGNAME|TMPDIR|TZ|XDG_CACHE_HOME|(DOCKER|ENVKIT_TESTS|HYPOTHESIS|PYTEST|PIP|npm|SSL_CERT)_.*"
    "|.*_(proxy|PROXY|CA_BUNDLE|CA_CERTS)",
)
"""What the tests see of the environment: where things are, and how this machine reaches others. A PORT or a
WEB_CONCURRENCY of whoever runs them is read by envkit and gunicorn, and an umask or a terminal's width by others."""


def pytest_configure() -> None:
    """Lets Ctrl-C reach what the tests start: a shell's background job, as CI may be, ignores it and hands that on.

    SIGTERM, as of a CI whose time is over, ends the tests as Ctrl-C does: the servers that they started end, too.
    """
    for name in [name for name in os.environ if not KEPT.fullmatch(name)]:
        del os.environ[name]
    directly = ",".join(filter(None, ("localhost,127.0.0.1", os.environ.get("no_proxy"), os.environ.get("NO_PROXY"))))
    os.environ |= {"LANG": "C.UTF-8", "no_proxy": directly, "NO_PROXY": directly}
    os.umask(0o022)
    for number in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose real programs are missing, by name and reason; under ENVKIT_TESTS_REQUIRE=all fails it."""
    for marker in item.iter_markers("needs"):
        missing = [program for program in marker.args if not _is_there(program)]
        if missing:
            reason = f"needs {', '.join(missing)}, not installed here (tests/set-up installs it on Debian as root)"
            if os.environ.get("ENVKIT_TESTS_REQUIRE") == "all":
                pytest.fail(reason)
            pytest.skip(reason)


def _is_there(program: str) -> bool:
    beside_python = str(Path(sys.executable).parent)
    path = os.pathsep.join((os.environ.get("PATH", ""), beside_python, "/usr/sbin", "/sbin"))
    return shutil.which(program, path=path) is not None


@pytest.fixture(scope="session")
def docker_host():
    """The address of the engine that all tests of this session share."""
    try:
        with engine() as host:
            yield host
    except NoEngineError as error:
        if os.environ.get("ENVKIT_TESTS_REQUIRE") == "all":
            pytest.fail(str(error))
        pytest.skip(str(error))
