"""The API's description as a source of hostile requests: how many are made, and what is checked of every answer.

`make test` asks the same requests every time, about a hundred of each operation. `make fuzz` asks new ones, many more;
FUZZ_EXAMPLES and FUZZ_SEED come from there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import schemathesis
import yaml
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from schemathesis import Case, CheckContext, Response
from schemathesis.checks import CheckFunction
from schemathesis.config import (
    AnalysisConfig,
    ConstantsConfig,
    CoveragePhaseConfig,
    ExamplesPhaseConfig,
    ExtraDataSourcesConfig,
    FuzzingPhaseConfig,
    GenerationConfig,
    HealthCheck,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.generation.meta import TestPhase
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

DOCUMENT = Path(settings.BASE_DIR, "docs", "openapi.yaml")

# Random requests of each operation, beside those at the edges of every parameter, which are the most of them.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 5)
SEED = int(os.environ["FUZZ_SEED"]) if os.environ.get("FUZZ_SEED") else None
# What is sent must not depend on what was answered before, or a failure could not be had again.
NOTHING_LEARNED = ExtraDataSourcesConfig(responses=False)

CONFIG = SchemathesisConfig(
    seed=SEED,
    suppress_health_check=[HealthCheck.all],
    projects=ProjectsConfig(
        default=ProjectConfig(
            # Words out of our own source are good guesses; in `make test` no request may depend on them.
            analysis=AnalysisConfig(constants=ConstantsConfig(enabled=SEED is not None)),
            generation=GenerationConfig(
                max_examples=EXAMPLES, deterministic=SEED is None, database="none", with_security_parameters=False
            ),
            phases=PhasesConfig(
                examples=ExamplesPhaseConfig(extra_data_sources=NOTHING_LEARNED),
                coverage=CoveragePhaseConfig(
                    extra_data_sources=NOTHING_LEARNED, generate_duplicate_query_parameters=True
                ),
                fuzzing=FuzzingPhaseConfig(extra_data_sources=NOTHING_LEARNED),
            ),
        )
    ),
)

# Why a request that fits the description may still be refused: what JSON Schema has no words for.
BEYOND_A_SCHEMA = [
    # How parameters go together.
    r"It conflicts with ",
    r"It is missing; (end needs a start|start needs an end)",
    r"It must be after start",
    r"Say which records to remove",
    # Days and times that there are, and that can be true.
    r"It is before 1900-01-01",
    r"It begins (after today|before 1900-01-01)",
    r"Expected a time(, such as| with an offset)",
    r"It must be from 1900 to (2100|a day from now)",
    r"It has [\d,]+ days; the limit is",
    # 60.0 is an integer to JSON Schema, and a number with a fraction to us.
    r"Expected a whole number, got a number",
    # Words out of long lists.
    r".* is no IANA time zone",
    r".* gives no zone label an offset",
    # Texts: which of them are signed by us, can be stored, or hold a word.
    r"It does not belong to this question",
    r"It holds a character that is no text",
    r"The body is not acceptable JSON: a text in it has a NUL",
    r"There is no word in it",
    r"It has \d+ words; the limit is",
    # Only Clerk can sign.
    r"This message was refused",
]
REASON = re.compile("|".join(BEYOND_A_SCHEMA))


def described() -> BaseSchema:
    """The description that is checked in; another test sees to it that it is current."""
    document = yaml.load(DOCUMENT.read_text(), Loader=yaml.CSafeLoader)
    schema = schemathesis.openapi.from_dict(document, config=CONFIG)
    schema.app = WSGIHandler()
    return schema


def what_fits_is_taken(context: CheckContext, response: Response, case: Case) -> bool | None:
    """schemathesis's own check, but for what a description cannot say."""
    if response.status_code == 400 and all(REASON.match(sentence) for sentence in sentences_of(response.json())):
        return True
    return positive_data_acceptance(context, response, case)


def sentences_of(problem: dict) -> list[str]:
    errors = [error for receipt in problem.get("receipts", ()) for error in receipt.get("errors", ())]
    return [error["detail"] for error in errors or problem.get("errors", ())] or [problem["detail"]]


def is_random(case: Case) -> bool:
    return case.meta.phase.name == TestPhase.FUZZING


# Those of schemathesis that go by the steps before, `use_after_free` and `ensure_resource_availability`, and
# `object_level_authorization` find nothing to do here: every request has a history of its own, and who may see whose
# is for test_tenancy.py to show, route by route.
def added(case: Case) -> list[CheckFunction]:
    return [] if is_random_form(case) else [what_fits_is_taken]


def left_out(case: Case) -> list[CheckFunction]:
    return [positive_data_acceptance, *([negative_data_rejection] if is_random_form(case) else [])]


def is_random_form(case: Case) -> bool:
    """Whether it fits says nothing of what is sent: there everything is text, and empty lists and files are left out.

    test_hostile_input.py has forms that are wrong as they are sent.
    """
    return is_random(case) and case.media_type == "multipart/form-data"
