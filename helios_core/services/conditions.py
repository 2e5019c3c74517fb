"""Conditions of a rule: which cards, agents, users and models it is about, and at which hours."""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from helios_core.services.editing import json_object

DAY_MINUTES = 24 * 60
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Hours(BaseModel):
    """A part of every day, from `begin` until before `end`; over midnight where the end is the earlier."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    begin: Clock
    end: Clock
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError) as error:
            message = f"There is no time zone {timezone}."
            raise ValueError(message) from error
        return timezone

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.begin == self.end:
            message = "Hours begin and end at different times; leave them out for the whole day."
            raise ValueError(message)
        return self

    def minutes(self) -> frozenset[int]:
        """The minutes of its day, counted from midnight in its zone."""
        begin, end = _minute(self.begin), _minute(self.end)
        return frozenset(minute % DAY_MINUTES for minute in range(begin, end if end > begin else end + DAY_MINUTES))


class Conditions(BaseModel):
    """What a rule is about; an empty list is about all there are."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    gpu_ids: list[Annotated[int, Field(ge=0)]] = []
    agent_ids: list[Name] = []
    user_ids: list[int] = []
    models: list[Name] = []
    hours: Hours | None = None

    def overlaps(self, other: "Conditions") -> bool:
        """Whether both may hold at once."""
        return all(_meet(mine, theirs) for mine, theirs in zip(self._lists(), other._lists(), strict=True)) and (
            _meet_in_time(self.hours, other.hours)
        )

    def _lists(self) -> tuple[list[Any], ...]:
        return self.gpu_ids, self.agent_ids, self.user_ids, self.models


def conditions_of(value: object) -> dict[str, Any]:
    """Conditions, also as typed JSON, in their shortest form; ValueError with a sentence where they cannot be."""
    given = json_object(value)
    try:
        return Conditions.model_validate(given).model_dump(exclude_defaults=True)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        cause = problem.get("ctx", {}).get("error")
        if cause is not None:
            raise ValueError(str(cause)) from error
        if problem["type"] == "extra_forbidden":
            message = f"Conditions have no {place}; they have {', '.join(Conditions.model_fields)}."
        else:
            message = f"{place} cannot be this: {problem['msg'][:1].lower()}{problem['msg'][1:]}."
        raise ValueError(message) from error


def stored_conditions(conditions: Mapping[str, Any]) -> Conditions:
    """The conditions of a stored rule; what another program wrote in a form of its own is about everything."""
    try:
        return Conditions.model_validate(dict(conditions))
    except ValidationError:
        return Conditions()


def _minute(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _meet(mine: list[Any], theirs: list[Any]) -> bool:
    return not mine or not theirs or not set(mine).isdisjoint(theirs)


def _meet_in_time(mine: Hours | None, theirs: Hours | None) -> bool:
    """Hours of different zones are taken to meet: their offset changes with the season."""
    if mine is None or theirs is None or mine.timezone != theirs.timezone:
        return True
    return not mine.minutes().isdisjoint(theirs.minutes())
