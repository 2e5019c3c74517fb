"""Every operation, with data made up from the API's own description, on behalf of two users."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.api.conftest import Api, Person
from tests.api.description import DESCRIPTION

OPERATIONS = [(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods]
CONFIGURATION = """
[checks]
# What a form refuses, such as a rule that contradicts another, no description of single fields can say.
positive_data_acceptance.enabled = false
# What is made up to be wrong is not always wrong once it is in an address.
negative_data_rejection.enabled = false
"""
FEW = settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@cache
def described() -> schemathesis.BaseSchema:
    """The description, as what makes up data reads it."""
    config = schemathesis.Config.from_str(CONFIGURATION)
    return schemathesis.openapi.from_dict(DESCRIPTION, config=config)


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_keeps_its_promises(api: Api, method: str, path: str, mode: GenerationMode) -> None:
    @FEW
    @given(case=described()[path][method].as_strategy(generation_mode=mode))
    def keeps_its_promises(case: schemathesis.Case[Any]) -> None:
        for somebody in (api.olga, api.mira):
            case.call_and_validate(base_url=f"http://127.0.0.1:{api.port}/api", headers=authorization(somebody))

    keeps_its_promises()


def authorization(person: Person) -> dict[str, str]:
    """What lets the person in."""
    return {"Authorization": f"Bearer {person.client.key}"}


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", ["olga", "mira"])
def test_operations_keep_their_promises_one_after_the_other(api: Api, tmp_path: Path, name: str) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION, "utf-8")
    [header] = authorization(getattr(api, name)).items()
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{api.port}/api/openapi.json"),
        *("--header", ": ".join(header), "--max-examples", "100", "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10_000:]
