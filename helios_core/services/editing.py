"""Editing rows through forms: what a field may hold, and that nobody overwrites what they have not seen."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.errors import EditConflict, InvalidInput, NotFound
from helios_core.models import AuditEvent, User
from helios_core.models.base import Base
from helios_core.services.audit import recorded

JSON_MAX_CHARACTERS = 20_000


def json_object(value: object) -> object:
    """An object as it is, or read from the JSON that somebody typed; ValueError with a sentence otherwise."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}", parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            message = f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
            raise ValueError(message) from error
    if not isinstance(value, dict):
        message = 'Give a JSON object, such as {"max_research_depth": 3}.'
        raise ValueError(message)  # noqa: TRY004 -- of a ValueError pydantic makes a refusal
    if "\\u0000" in (text := json.dumps(value)) or len(text) > JSON_MAX_CHARACTERS:
        message = f"JSON here has at most {JSON_MAX_CHARACTERS:,} characters, none of them U+0000."
        raise ValueError(message)
    return value


def _refuse_constant(name: str) -> None:
    message = f"JSON has no {name}."
    raise ValueError(message)


JsonObject = Annotated[dict[str, Any], BeforeValidator(json_object)]


class Fields(BaseModel):
    """The fields of a row that a person sets. A description is the sentence for a value that cannot be."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    thing: ClassVar[str]
    """What has these fields, with its article: "a rule"."""

    @classmethod
    def of(cls, row: Base) -> Self:
        """What is stored. It was validated when it was saved."""
        held = cls.model_construct(**{field: getattr(row, field) for field in cls.model_fields})
        return cast("Self", held)  # pydantic's plugin takes it for the base class

    @classmethod
    def validated(cls, values: Mapping[str, object]) -> Self:
        """`values`, or InvalidInput with a sentence for each field that cannot be."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise InvalidInput({str(p["loc"][0]): cls._sentence(p) for p in error.errors()}) from error

    def changed(self, changes: Mapping[str, object]) -> Self:
        """These fields with `changes`, or InvalidInput."""
        return type(self).validated({**dict(self), **changes})

    def snapshot(self) -> dict[str, Any]:
        """Every field as JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def _sentence(cls, problem: ErrorDetails) -> str:
        field = cls.model_fields.get(str(problem["loc"][0]))
        if field is None:
            return f"{cls.thing.capitalize()} has no field {problem['loc'][0]}."
        if problem["type"] == "value_error":
            return str(problem["ctx"]["error"])
        return field.description or problem["msg"]


Row = TypeVar("Row", bound=Base)


def opened(session: Session, table: type[Row], row_id: int, expected_updated_at: datetime, thing: str) -> Row:
    """The row, locked, as the editor saw it: NotFound where it is gone, EditConflict where somebody saved since."""
    key = table.__mapper__.primary_key[0]
    query = select(table).where(key == row_id).with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).one_or_none()
    if row is None:
        message = f"There is no {thing} {row_id}."
        raise NotFound(message)
    if row.as_dict()["updated_at"] != expected_updated_at:
        raise EditConflict(_conflict(session, table.__tablename__, row_id, thing))
    return row


def require_seen(seen: Mapping[str, object] | None, held: Mapping[str, object], thing: str) -> None:
    """Raise EditConflict where the editor saw other values than `held`, which are locked.

    None: whoever asks says what shall be, whatever there was, as a command does.
    """
    if seen is not None and any(held[field] != value for field, value in seen.items()):
        message = f"Somebody changed {thing} after you opened it; compare it with yours and save again."
        raise EditConflict(message)


def store(session: Session, row: Row, fields: Fields, action: str, reason: str | None) -> None:
    """Give the row these fields, and record it. Raises what the database refuses in the words of the domain."""
    with refusals(session), recorded(session, action, row, reason):
        for field, value in fields:
            setattr(row, field, value)


def remove(session: Session, row: Base, reason: str | None) -> None:
    """Delete the row, and record it."""
    with refusals(session), recorded(session, "removed", row, reason):
        session.delete(row)


def _conflict(session: Session, subject: str, row_id: int, thing: str) -> str:
    """Who saved it last, and when."""
    latest = session.execute(
        select(AuditEvent.occurred_at, User.username)
        .outerjoin(User, User.id == AuditEvent.actor_id)
        .where(AuditEvent.subject == subject, AuditEvent.subject_id == str(row_id))
        .order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
        .limit(1)
    ).one_or_none()
    if latest is None:
        return f"The {thing} was saved since you opened it; compare it with yours and save again."
    return (
        f"{latest.username or 'Helios'} saved the {thing} at {latest.occurred_at:%Y-%m-%d %H:%M} UTC, after you "
        "opened it; compare it with yours and save again."
    )
