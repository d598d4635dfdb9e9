"""The locked requirements are those that are asked for."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def asked(name):
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def locked(name):
    return dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_what_is_asked_for_is_locked(name):
    versions = locked(f"{name}.txt")

    for requirement in asked(f"{name}.in"):
        assert versions[requirement.name.lower()] in requirement.specifier, f"{requirement}: run `make lock`"


def test_what_works_on_it_has_the_versions_of_what_runs_it():
    assert locked("requirements.txt").items() <= locked("requirements-dev.txt").items()


def test_every_requirement_has_a_reason():
    for name in ("requirements.in", "requirements-dev.in"):
        for line in (ROOT / name).read_text().splitlines():
            assert line.startswith(("#", "-")) or re.search(r" # \w", line), line
