"""Fixtures: a fresh server for each test that asks for one."""

import pytest

from strowger import BINARY, Server


def pytest_configure(config):
    assert BINARY.exists(), f"{BINARY} is missing: build it with `cargo build` first"


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of the server's log."""
    outcome = yield
    report = outcome.get_result()
    running = item.funcargs.get("server")
    if report.failed and running is not None and running.folder.exists():
        report.sections.append(("strowger log", running.log_text()[-4000:]))
