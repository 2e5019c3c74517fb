"""Faces: an agent's letters, colour and name, the same on every page."""

from typing import TypedDict

from dashboard.formats import initials
from dashboard.render import short
from dashboard.theme import face_colour

PERSON = "user"
"""The speaker who is no agent."""


class Face(TypedDict):
    """What a component draws of an agent."""

    id: str
    name: str
    initials: str
    colour: str


def face(agent_id: str, name: str) -> Face:
    """The face of `agent_id`; its name may be foreign."""
    if agent_id == PERSON:
        return Face(id=PERSON, name="You", initials="?", colour="#6E7B8B")
    return Face(id=short(agent_id, 60), name=short(name, 60), initials=initials(name), colour=face_colour(agent_id))
