"""Wishes: what an agent's configuration asks of placement beyond memory, under `placement` of its constraints."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]

Cards = Annotated[int, Field(ge=1, le=64)]
MOST_CORES = 4096


class Wishes(BaseModel):
    """All that may stand there; a group of agents that belong together, or are kept apart, is a name of its owner's."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    compute_percent: Annotated[float, Field(ge=0, le=100)] = 0
    """What of a card's compute it is promised."""
    preferred_gpu: Annotated[int, Field(ge=0)] | None = None
    affinity: Name | None = None
    """Agents of one affinity share a card."""
    anti_affinity: Name | None = None
    """Agents of one anti-affinity never share a card."""
    gpu_types: list[Name] = []
    """The names of cards that will do; none: any."""
    cards: Cards = 1
    """On how many cards of one host it is at once, each giving all that it asks for."""
    split_over: list[Cards] = []
    """Over how many cards its memory may be divided, the preferred number first; none: as its model allows."""
    is_exclusive: bool = False
    """Whether it wants its cards without other models."""
    host_cpu_cores: Annotated[float, Field(ge=0, le=MOST_CORES)] = 0
    host_memory_mib: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


NO_WISHES = Wishes()


def checked_wishes(wishes: object) -> Wishes:
    """The wishes that somebody wrote; ValueError with a sentence where they cannot be."""
    try:
        return Wishes.model_validate(wishes)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(("placement", *(str(part) for part in problem["loc"])))
        if problem["type"] == "extra_forbidden":
            message = f"There is no {place}; placement has {', '.join(Wishes.model_fields)}."
        else:
            message = f"{place} cannot be this: {problem['msg'][:1].lower()}{problem['msg'][1:]}."
        raise ValueError(message) from error


def stored_wishes(wishes: object) -> Wishes:
    """The wishes of a stored configuration; what another program wrote in a form of its own asks for nothing."""
    try:
        return checked_wishes(wishes)
    except ValueError:
        return NO_WISHES
