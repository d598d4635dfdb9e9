"""The README's examples are true: each call is made, and the answer holds what the README shows of it."""

import json
import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
EXAMPLES = re.findall(r"```sh\n(curl .*?)```\n```json\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def auth(settings, tmp_path):
    settings.DEBUG = True
    settings.VAR_DIR = tmp_path
    return f"Bearer {call_command('dev_session', user='ana')}"


@pytest.mark.django_db
def test_the_examples_answer_what_is_shown(client, auth):
    assert len(EXAMPLES) == 3
    for command, shown in EXAMPLES:
        words = shlex.split(command)
        [url] = [word.removeprefix("$API") for word in words if word.startswith("$API")]
        body = words[words.index("-d") + 1] if "-d" in words else None
        method = "GET" if body is None else "POST"

        answer = client.generic(
            method, f"/api/v1{url}", body or "", "application/json", headers={"authorization": auth}
        )

        assert answer.status_code == 200
        assert holds(answer.json(), json.loads(shown)), answer.text


def holds(whole, part):
    if isinstance(part, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return whole == part


def test_the_commands_of_the_readme_exist():
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text()

    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
