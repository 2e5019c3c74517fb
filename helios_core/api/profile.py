"""One's own profile: how the key's user wants to be addressed, and in which zone."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from helios_core.api import etags
from helios_core.api.access import Reader, Writer
from helios_core.api.etags import IfMatch
from helios_core.api.resources import NO_ZERO_CHARACTER, Resource
from helios_core.services.profiles import NAME_MAX_CHARACTERS, save_profile
from helios_core.views.profiles import Profile, own_profile

router = APIRouter(prefix="/me/profile", tags=["me"])

Name = Annotated[str, Field(max_length=NAME_MAX_CHARACTERS, pattern=NO_ZERO_CHARACTER)]
Zone = Annotated[str, Field(max_length=100, pattern=NO_ZERO_CHARACTER)]


class OwnProfile(Resource):
    """What the user said of themselves; null where they said nothing."""

    display_name: str | None = Field(examples=["Dr. Mira Müller"])
    timezone: str | None = Field(examples=["Europe/Berlin"])


class ProfileChanges(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"display_name": "Dr. Mira Müller"}]})

    display_name: Name | None = None
    timezone: Zone | None = None


@router.get("", response_model=OwnProfile, responses=etags.SHOWN)
def find_profile(workspace: Reader, response: Response) -> object:
    """How you want to be addressed."""
    return _shown(response, workspace.read(own_profile))


@router.patch("", response_model=OwnProfile, responses=etags.SHOWN | etags.CHECKED)
def edit_profile(workspace: Writer, response: Response, changes: ProfileChanges, if_match: IfMatch = None) -> object:
    """Say how you want to be addressed; an empty name is none."""

    def save(session: Session) -> Profile:
        seen = asdict(own_profile(session))
        etags.require_match(if_match, etags.of_values(seen))
        save_profile(session, **{**seen, **changes.model_dump(exclude_unset=True)}, seen=seen)
        return own_profile(session)

    return _shown(response, workspace.act(save))


def _shown(response: Response, profile: Profile) -> Profile:
    response.headers["ETag"] = etags.of_values(asdict(profile))
    return profile
