"""What a configuration of an agent may hold, and how two versions of it differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from helios_core.errors import InvalidInput
from helios_core.models import AgentConfiguration, ModelProvider

CONSTRAINTS_MAX_CHARACTERS = 20_000


def _object_of(value: object) -> object:
    """Constraints as they are, or read from the JSON that somebody typed."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}", parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            message = f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
            raise ValueError(message) from error
    if not isinstance(value, dict):
        message = 'Constraints are a JSON object, such as {"max_research_depth": 3}.'
        raise ValueError(message)  # noqa: TRY004 -- of a ValueError pydantic makes a refusal
    if "\\u0000" in (text := json.dumps(value)) or len(text) > CONSTRAINTS_MAX_CHARACTERS:
        message = f"Constraints have at most {CONSTRAINTS_MAX_CHARACTERS:,} characters, none of them U+0000."
        raise ValueError(message)
    return value


def _refuse_constant(name: str) -> None:
    message = f"JSON has no {name}."
    raise ValueError(message)


class ConfigurationFields(BaseModel):
    """The fields of a configuration that a person sets. A description is the sentence for a value that cannot be."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model_provider: Annotated[
        ModelProvider, Field(strict=False, title="Provider", description="Choose one of the five providers.")
    ]
    assigned_llm: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$"),
        Field(title="Model", description="Name the model, in at most 200 characters, as its provider writes it."),
    ]
    system_prompt: Annotated[
        str,
        StringConstraints(min_length=1, max_length=100_000, pattern=r"^[^\x00]*$"),
        Field(title="System prompt", description="Write a system prompt of 1 to 100,000 characters."),
    ]
    gpu_assignment: Annotated[
        int | None, Field(ge=0, le=2**31 - 1, title="GPU", description="Choose one of the GPUs, or none.")
    ] = None
    allocated_memory_mb: Annotated[
        int | None,
        Field(ge=1, le=2**31 - 1, title="Memory (MiB)", description="Memory is whole MiB from 1, or empty."),
    ] = None
    context_tokens: Annotated[
        int | None,
        Field(
            ge=1, le=10_000_000, title="Context (tokens)", description="Context is 1 to 10 million tokens, or empty."
        ),
    ] = None
    temperature: Annotated[
        float | None,
        Field(ge=0, le=2, allow_inf_nan=False, title="Temperature", description="Temperature is 0 to 2, or empty."),
    ] = None
    timeout_seconds: Annotated[
        int,
        Field(ge=1, le=86_400, title="Timeout (s)", description="The timeout is 1 to 86,400 whole seconds (a day)."),
    ] = 120
    max_retries: Annotated[int, Field(ge=0, le=10, title="Retries", description="Retry 0 to 10 times.")] = 2
    priority: Annotated[
        int, Field(ge=1, le=10, title="Priority", description="Priority is 1 (last) to 10 (first), a whole number.")
    ] = 5
    constraints: Annotated[
        dict[str, Any],
        BeforeValidator(_object_of),
        Field(title="Constraints", description="Constraints are a JSON object."),
    ] = {}
    is_enabled: Annotated[bool, Field(title="Enabled", description="An agent is enabled or not.")] = True

    @classmethod
    def of(cls, configuration: AgentConfiguration) -> "ConfigurationFields":
        """What is stored. It was validated when it was saved."""
        return cls.model_construct(**{field: getattr(configuration, field) for field in cls.model_fields})

    @classmethod
    def validated(cls, values: Mapping[str, object]) -> "ConfigurationFields":
        """`values`, or InvalidInput with a sentence for each field that cannot be."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            fields = {str(problem["loc"][0]): _sentence(problem) for problem in error.errors()}
            raise InvalidInput(fields) from error

    def snapshot(self) -> dict[str, Any]:
        """Every field as JSON."""
        return self.model_dump(mode="json")


def _sentence(problem: ErrorDetails) -> str:
    field = ConfigurationFields.model_fields.get(str(problem["loc"][0]))
    if field is None:
        return f"A configuration has no field {problem['loc'][0]}."
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return field.description or problem["msg"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field in two versions, each as JSON would hold it."""

    field: str
    title: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The fields that two snapshots hold different values of, in the order of the form."""
    return tuple(
        FieldChange(field, info.title or field, before.get(field), after.get(field))
        for field, info in ConfigurationFields.model_fields.items()
        if before.get(field) != after.get(field)
    )
