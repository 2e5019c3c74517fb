"""What a configuration of an agent may hold, and how two versions of it differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from helios_core.models import ModelProvider
from helios_core.services.editing import Fields, JsonObject
from helios_core.services.wishes import checked_wishes


def with_wishes_that_can_be(constraints: dict[str, Any]) -> dict[str, Any]:
    """Constraints whose `placement` placement understands; ValueError with a sentence otherwise."""
    checked_wishes(constraints.get("placement", {}))
    return constraints


class ConfigurationFields(Fields):
    """The fields of a configuration that a person sets."""

    thing = "a configuration"

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
    further_gpu_ids: Annotated[
        list[Annotated[int, Field(ge=0, le=2**31 - 1)]],
        Field(max_length=63, title="Further GPUs", description="Choose further GPUs, or none."),
    ] = Field(default_factory=list)
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
        JsonObject,
        AfterValidator(with_wishes_that_can_be),
        Field(title="Constraints", description="Constraints are a JSON object."),
    ] = Field(default_factory=dict)
    is_enabled: Annotated[bool, Field(title="Enabled", description="An agent is enabled or not.")] = True

    @field_validator("further_gpu_ids")
    @classmethod
    def _beside_the_first(cls, further: list[int], info: ValidationInfo) -> list[int]:
        first = info.data.get("gpu_assignment")
        if len({first, *further}) != 1 + len(further):
            message = "Name each card once."
            raise ValueError(message)
        return [] if first is None else further


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field in two versions, each as JSON would hold it."""

    field: str
    title: str
    before: Any
    after: Any


OLDER_SNAPSHOTS: Mapping[str, Any] = {"further_gpu_ids": []}
"""What a snapshot stands for that was taken before there was the field."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The fields that two snapshots hold different values of, in the order of the form."""
    pairs = {
        field: tuple(snapshot.get(field, OLDER_SNAPSHOTS.get(field)) for snapshot in (before, after))
        for field in ConfigurationFields.model_fields
    }
    return tuple(
        FieldChange(field, ConfigurationFields.model_fields[field].title or field, *pair)
        for field, pair in pairs.items()
        if pair[0] != pair[1]
    )
