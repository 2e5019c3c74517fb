"""Whether an answer is what its JSON schema asks for."""

import json
from collections.abc import Mapping
from functools import cache
from itertools import islice

from jsonschema import Draft202012Validator

NAMED = 5
"""How many faults are named."""
FAULT_CHARACTERS = 300


def fault_of(answer: object, schema: Mapping[str, object]) -> str | None:
    """What is wrong with an answer, and where, a few sentences at most; None where it follows the schema."""
    errors = islice(_validator(json.dumps(schema, sort_keys=True)).iter_errors(answer), NAMED)
    return " ".join(f"At {error.json_path}: {_cut(error.message)}." for error in errors) or None


def _cut(message: str) -> str:
    words = " ".join(message.split())
    return words if len(words) <= FAULT_CHARACTERS else words[: FAULT_CHARACTERS - 1] + "…"


@cache
def _validator(schema: str) -> Draft202012Validator:
    """Made once for each of the few schemas that there are."""
    return Draft202012Validator(json.loads(schema))
