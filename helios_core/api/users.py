"""Users: who may work here. Operators look, admins change."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from helios_core.api import etags
from helios_core.api.access import Admin
from helios_core.api.audit import require_operator
from helios_core.api.etags import IfMatch
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import NO_ZERO_CHARACTER, Id, Reason, Resource
from helios_core.errors import NotFound
from helios_core.services import users as services
from helios_core.views.settings import UserRow
from helios_core.views.settings import list_users as load

router = APIRouter(prefix="/users", tags=["users"])

Role = Annotated[
    Literal["admin", "operator", "user", "viewer"],
    Field(description="What the user may do.", examples=["user"]),
]


class User(Resource):
    """Somebody who may work here."""

    id: int = Field(examples=[3])
    username: str = Field(examples=["mira"])
    display_name: str | None = Field(description="How they want to be addressed.", examples=["Dr. Mira Müller"])
    email: str | None = Field(examples=["mira@example.org"])
    role: Role
    is_active: bool = Field(description="false: the account is switched off.")
    created_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])


class NewUser(BaseModel):
    """An account that is to be added."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=100, pattern=NO_ZERO_CHARACTER, examples=["mira"])
    role: Role = "user"
    email: Annotated[str, Field(max_length=320, pattern=NO_ZERO_CHARACTER)] | None = Field(
        default=None, examples=["mira@example.org"]
    )


class UserChanges(BaseModel):
    """What is to be changed of an account; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"role": "operator"}]})

    role: Role | None = None
    is_active: bool | None = None


@router.get("", response_model=Listing[User])
def list_users(workspace: Admin) -> object:
    """Everybody, by name; operators may."""
    require_operator(workspace)
    return all_of(workspace.read(load))


@router.post("", status_code=201, response_model=User)
def create_user(workspace: Admin, response: Response, user: NewUser, reason: Reason = None) -> object:
    """Add an account; admins may."""

    def save(session: Session) -> UserRow:
        return _user(session, services.create_user(session, user.username, user.role, user.email, reason))

    saved = workspace.act(save)
    response.headers["Location"] = f"users/{saved.id}"
    return _shown(response, saved)


@router.get("/{user_id}", response_model=User, responses=etags.SHOWN)
def find_user(workspace: Admin, response: Response, user_id: Id) -> object:
    """One account; operators may."""
    require_operator(workspace)
    return _shown(response, workspace.read(lambda session: _user(session, user_id)))


@router.patch("/{user_id}", response_model=User, responses=etags.SHOWN | etags.CHECKED)
def edit_user(
    *,
    workspace: Admin,
    response: Response,
    user_id: Id,
    changes: UserChanges,
    if_match: IfMatch = None,
    reason: Reason = None,
) -> object:
    """Give a user another role, or switch the account on or off; admins may."""
    require_operator(workspace)

    def save(session: Session) -> UserRow:
        user = _user(session, user_id)
        etags.require_match(if_match, _tag(user))
        # Asked once more of the account when it is locked: two who saw the same cannot both save.
        if changes.role is not None:
            services.change_role(session, user_id, changes.role, reason, seen=_edited(user))
        if changes.is_active is not None:
            services.set_active(session, user_id, changes.is_active, reason, seen={"is_active": user.is_active})
        return _user(session, user_id)

    return _shown(response, workspace.act(save))


def _user(session: Session, user_id: int) -> UserRow:
    for user in load(session):
        if user.id == user_id:
            return user
    message = f"There is no user {user_id}."
    raise NotFound(message)


def _tag(user: UserRow) -> str:
    return etags.of_values(_edited(user))


def _edited(user: UserRow) -> dict[str, object]:
    return {"role": user.role, "is_active": user.is_active}


def _shown(response: Response, user: UserRow) -> UserRow:
    response.headers["ETag"] = _tag(user)
    return user
