"""Tests need no service: the throwaway PostgreSQL."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "with_postgres.py"
ASK = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT 6 * 7').fetchone())"


def test_a_command_gets_a_database_and_its_exit_code_is_passed_on():
    command = [sys.executable, "-c", f"{ASK}; exit(3)"]

    asked = subprocess.run([sys.executable, SCRIPT, *command], capture_output=True, text=True)

    assert (asked.stdout.strip(), asked.returncode) == ("(42,)", 3)


@pytest.mark.parametrize("closed_home", [False, True], ids=["as it is", "in a home closed to others"])
def test_the_wheel_serves_where_the_machine_has_no_postgresql(monkeypatch, tmp_path, closed_home):
    script = importlib.util.module_from_spec(importlib.util.spec_from_file_location("with_postgres", SCRIPT))
    script.__spec__.loader.exec_module(script)
    monkeypatch.setattr(script, "DEBIAN", tmp_path)
    if closed_home:
        answers = iter([False, True])
        monkeypatch.setattr(script, "can_run", lambda program, run_as: next(answers))

    with script.postgres() as url:
        import psycopg

        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("off",)
