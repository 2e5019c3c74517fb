"""What the experts' stances amount to: how far they agree, in how many votes, who stands alone, and who wrote it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from helios_core.measures import votes
from helios_core.measures.agreement import agreement, agreement_on
from helios_core.measures.attribution import Source, attribute

Position = Literal["for", "against", "qualified"]
POSITIONS: tuple[Position, ...] = get_args(Position)


@dataclass(frozen=True, slots=True)
class Answered:
    """A response as claims are drawn from it, and as a synthesis rests on it."""

    agent_id: str
    name: str
    text: str
    model_name: str | None = None


@dataclass(frozen=True, slots=True)
class Stance:
    """Where an expert stands on a claim, and the expert's own words for it."""

    response: int
    """The position of the response among those from which claims were drawn."""
    agent_id: str
    position: Position
    quote: str


@dataclass(frozen=True, slots=True)
class DrawnClaim:
    """A claim, and every stance on it that a quotation proves."""

    text: str
    stances: tuple[Stance, ...]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one response gave to the synthesis: its share of the words, from 0 to 1."""

    response: int
    agent_id: str
    weight: float


@dataclass(frozen=True, slots=True)
class Minority:
    """Experts who stand against the weight of the others on a claim."""

    claim: str
    majority: str
    stances: tuple[Stance, ...]


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the stances on all claims, and the synthesis, amount to. What could not be measured is None."""

    score: float | None
    effective_votes: float | None
    minorities: tuple[Minority, ...]
    minority_report: str | None
    contributions: tuple[Contribution, ...]


def consensus(claims: Sequence[DrawnClaim], responses: Sequence[Answered], synthesis: str) -> Consensus:
    """The consensus of `responses` (in the order in which claims were drawn from them) and of what was made of them."""
    experts = {response.agent_id: response.model_name for response in responses}
    minorities = tuple(found for claim in claims if (found := minority(claim, responses)) is not None)
    return Consensus(
        score=agreement([{stance.agent_id: stance.position for stance in claim.stances} for claim in claims]),
        effective_votes=votes.effective_votes([*experts.values()]),
        minorities=minorities,
        minority_report=_report(minorities, {response.agent_id: response.name for response in responses}),
        contributions=contributions(responses, synthesis),
    )


def contributions(responses: Sequence[Answered], synthesis: str) -> tuple[Contribution, ...]:
    """Each response's share of the synthesis."""
    sources = [Source(response.agent_id, response.name, response.text) for response in responses]
    weights = attribute(synthesis, sources).weights(len(sources))
    return tuple(
        Contribution(place, response.agent_id, weight)
        for place, (response, weight) in enumerate(zip(responses, weights, strict=True))
    )


def minority(claim: DrawnClaim, responses: Sequence[Answered]) -> Minority | None:
    """Those who oppose the weightier side of a claim; None where nobody does, or the sides weigh the same.

    A side weighs as many votes as its base models make it; who is qualified stands on neither.
    """
    models = {response.agent_id: response.model_name for response in responses}
    sides = {side: [one for one in claim.stances if one.position == side] for side in ("for", "against")}
    weights = {
        side: sum(votes.vote_weights([models.get(one.agent_id) for one in held])) for side, held in sides.items()
    }
    if weights["for"] == weights["against"] or not min(weights.values()):
        return None
    majority = max(weights, key=lambda side: weights[side])
    other = "against" if majority == "for" else "for"
    return Minority(claim.text, majority, tuple(sides[other]))


def disputed(claims: Sequence[DrawnClaim]) -> tuple[DrawnClaim, ...]:
    """The claims on which not all who take a stance take the same, the most disputed first."""
    shares = [(agreement_on([one.position for one in claim.stances]), claim) for claim in claims]
    contested = [(share, claim) for share, claim in shares if share is not None and share < 1]
    return tuple(claim for _, claim in sorted(contested, key=lambda pair: pair[0]))


def _report(minorities: Sequence[Minority], names: Mapping[str, str]) -> str | None:
    """The minorities in words, with what they said; None where there are none."""
    return "\n\n".join(_sentence(minority, names) for minority in minorities) or None


def _sentence(minority: Minority, names: Mapping[str, str]) -> str:
    side = "against" if minority.majority == "for" else "for"
    who = " and ".join(names[stance.agent_id] for stance in minority.stances)
    alone = ", alone" if len(minority.stances) == 1 else ","
    said = " ".join(f"“{stance.quote}”" for stance in minority.stances)
    return f"{who}{alone} {side} “{minority.claim}”: {said}"
