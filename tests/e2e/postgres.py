"""The PostgreSQL server that STROWGER_TEST_POSTGRES names, such as postgres://postgres@127.0.0.1:5432, and databases on it."""

import os
import subprocess
import uuid

import pytest

POSTGRES = os.environ.get("STROWGER_TEST_POSTGRES", "").rstrip("/")
needs_postgres = pytest.mark.skipif(not POSTGRES, reason="STROWGER_TEST_POSTGRES does not name a server")


def psql(statement, database="postgres"):
    """Runs SQL as an operator's own program would, beside the exchange."""
    done = subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", f"{POSTGRES}/{database}", "-c", statement],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def database():
    """The name of a database of the test's own; what a restore kept aside of it goes too."""
    name = f"strowger_e2e_{uuid.uuid4().hex[:10]}"
    psql(f"CREATE DATABASE {name}")
    yield name
    for each in (name, f"{name}_before_restore"):
        psql(f"DROP DATABASE IF EXISTS {each} WITH (FORCE)")
