"""Resources: what answers and requests are made of."""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from helios_core.services.audit import REASON_MAX_CHARACTERS
from helios_core.services.editing import Fields
from helios_core.services.records import in_living_memory

NO_ZERO_CHARACTER, ONE_LINE = r"^[^\x00]*$", r"^[^\x00-\x1f]*$"
AGENT_ID = r"^[a-z][a-z0-9_]{0,62}$"
LARGEST_BIGINT, LARGEST_INTEGER = 2**63 - 1, 2**31 - 1

Id = Annotated[int, Path(ge=1, le=LARGEST_BIGINT, description="Its number.", examples=[12])]
GpuId = Annotated[int, Path(ge=0, le=LARGEST_INTEGER, description="The card's number.", examples=[0])]
AgentId = Annotated[str, Path(pattern=AGENT_ID, description="The agent's id.", examples=["technical_expert"])]
Version = Annotated[int, Path(ge=1, le=LARGEST_INTEGER, description="The version's number.", examples=[2])]
Word = Annotated[str | None, Query(max_length=200, pattern=NO_ZERO_CHARACTER)]


def written_as_a_date(text: object) -> object:
    """Refuse a bare number, which would be taken for seconds since 1970."""
    if isinstance(text, str) and not DATE.match(text):
        message = "a time in ISO 8601 with its zone is expected"
        raise ValueError(message)
    return text


DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Moment = Annotated[AwareDatetime, BeforeValidator(written_as_a_date), AfterValidator(in_living_memory)]
Reason = Annotated[
    str | None,
    Query(
        max_length=REASON_MAX_CHARACTERS,
        pattern=NO_ZERO_CHARACTER,
        description="Why; the audit keeps it.",
        examples=["answers were cut off"],
    ),
]


class Resource(BaseModel):
    """Something that the API shows, read from what a view returns."""

    model_config = ConfigDict(from_attributes=True)


@dataclass(frozen=True)
class Like:
    """Documents a JSON object as the fields of a form; whether a value can be, the form's service says."""

    fields: type[Fields]
    is_partial: bool = False
    """Whether any field may be left out."""

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = dict(handler.resolve_ref_schema(handler(self.fields.__pydantic_core_schema__)))
        if self.is_partial:
            found.pop("required", None)
        return found


def storable(values: dict[str, Any]) -> dict[str, Any]:
    """Refuse text that is no Unicode, and numbers that are none: JSON's grammar has them, no database does."""
    try:
        json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        message = "the text holds half of a surrogate pair, which is no character"
        raise ValueError(message) from error
    return values


JsonBody = Annotated[dict[str, Any], AfterValidator(storable)]
