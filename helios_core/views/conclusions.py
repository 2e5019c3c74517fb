"""What a team concluded, as its own page shows it: who wrote what, in how many votes, who stands where, how good it is.

What an import recorded is shown as it was recorded; what can be measured from the words is measured here as for any
conversation of ours, and everything else stays unknown.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.measures import attribution, votes
from helios_core.measures.attribution import Attribution, Basis, Source, attribute
from helios_core.measures.votes import base_model, effective_votes, shared_models, vote_weights
from helios_core.models import MultiAgentConversation, TaskSynthesis
from helios_core.views.conversations import Conversation, conversation
from helios_core.views.findings import Finding, findings_of
from helios_core.views.needs import LOW_CONSENSUS
from helios_core.views.participants import named
from helios_core.views.scores import Score, scores_of
from helios_core.views.syntheses import Claim, Synthesis

HOW_PASSAGES_ARE_ATTRIBUTED = attribution.METHOD
HOW_VOTES_ARE_COUNTED = votes.METHOD
FEW_VOTES = 1.5
"""An answer that rests on fewer independent votes than this wants a reader."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of the answer. `shares`: by agent, its part of the passage; empty: the writer's own."""

    text: str
    shares: Mapping[str, float]
    basis: Basis


@dataclass(frozen=True, slots=True)
class Voice:
    """An expert who answered: on which model, how much its voice counts, and how much of the answer is its."""

    agent_id: str
    name: str
    model_name: str | None
    base_model: str | None
    vote: float | None
    """What it counts among those on its base model; None where a model is not known."""
    share: float | None
    """Of the answer's words, measured here."""
    recorded_share: float | None
    """Of the answer, as its source recorded it."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A conversation with what its last synthesis comes to; without one, nothing was concluded."""

    conversation: Conversation
    synthesis: Synthesis | None
    passages: tuple[Passage, ...]
    voices: tuple[Voice, ...]
    own_share: float | None
    """What of the answer is its writer's own."""
    effective_votes: float | None
    sharing_voices: int
    """Experts whose base model another one answers with, too."""
    claims: tuple[Claim, ...]
    scores: tuple[Score, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ConclusionRow:
    """One conclusion in the list. `wants_reader`: why somebody should read it, as a sentence; None: no reason."""

    conversation_id: int
    title: str
    source: str
    concluded_at: datetime
    agreement: float | None
    effective_votes: float | None
    has_minority: bool
    satisfaction_rating: float | None
    wants_reader: str | None


def conclusion(session: Session, conversation_id: int) -> Conclusion:
    """What a conversation came to. Raises NotFound."""
    found = conversation(session, conversation_id)
    synthesis = found.syntheses[-1] if found.syntheses else None
    names = {participant.agent_id: participant.name for participant in found.participants}
    sources = [
        Source(response.agent_id, names.get(response.agent_id) or named(response.agent_id), response.content)
        for response in found.responses
    ]
    written = None if synthesis is None else attribute(synthesis.content, sources)
    voices = _voices(found, sources, written)
    models = [voice.model_name for voice in voices]
    counted = effective_votes(models) if synthesis is None else synthesis.effective_votes or effective_votes(models)
    return Conclusion(
        conversation=found,
        synthesis=synthesis,
        passages=_passages(written, sources),
        voices=voices,
        own_share=None if written is None else max(0.0, 1 - sum(voice.share or 0 for voice in voices)),
        effective_votes=counted,
        sharing_voices=sum(shared_models(models).values()),
        claims=found.claims,
        scores=scores_of(session, conversation_id),
        findings=findings_of(session, conversation_id),
    )


TAKEN_IN = {"import", "sample"}
"""Sources of conversations that were held elsewhere."""


def list_conclusions(session: Session, limit: int = 100) -> tuple[ConclusionRow, ...]:
    """The newest conclusions, those that want a reader first, and of these the most disputed first."""
    rows = session.execute(
        select(TaskSynthesis, MultiAgentConversation)
        .join(MultiAgentConversation, MultiAgentConversation.id == TaskSynthesis.conversation_id)
        .order_by(TaskSynthesis.created_at.desc(), TaskSynthesis.id.desc())
        .limit(limit)
    )
    newest: dict[int, ConclusionRow] = {}
    for synthesis, talk in rows:
        newest.setdefault(talk.id, _row(synthesis, talk))
    wanted = [row for row in newest.values() if row.wants_reader is not None]
    others = [row for row in newest.values() if row.wants_reader is None]
    return (*sorted(wanted, key=lambda row: 1.0 if row.agreement is None else row.agreement), *others)


def _row(synthesis: TaskSynthesis, talk: MultiAgentConversation) -> ConclusionRow:
    is_read = talk.satisfaction_rating is not None
    return ConclusionRow(
        conversation_id=talk.id,
        title=talk.title,
        source=talk.source,
        # What came from elsewhere was concluded when it ended, not when it was taken in.
        concluded_at=(talk.ended_at if talk.source in TAKEN_IN else None) or synthesis.created_at,
        agreement=synthesis.consensus_score,
        effective_votes=synthesis.effective_votes,
        has_minority=bool(synthesis.minority_report),
        satisfaction_rating=talk.satisfaction_rating,
        wants_reader=None if is_read else _why(synthesis),
    )


def _why(synthesis: TaskSynthesis) -> str | None:
    score, votes = synthesis.consensus_score, synthesis.effective_votes
    if score is not None and score < LOW_CONSENSUS:
        return f"The experts agree on {100 * score:.0f} % only."
    if votes is not None and votes < FEW_VOTES:
        return f"It rests on {votes:.1f} independent votes."
    return "Somebody stands alone against it." if synthesis.minority_report else None


def _voices(found: Conversation, sources: list[Source], written: Attribution | None) -> tuple[Voice, ...]:
    models = {response.agent_id: response.model_name for response in found.responses}
    is_known = all(model is not None for model in models.values())
    counted = dict(zip(models, vote_weights([*models.values()]), strict=True))
    shares = _by_agent(sources, written.weights(len(sources)) if written else [])
    recorded = _recorded(found.syntheses[-1]) if found.syntheses else {}
    names = {source.agent_id: source.name for source in sources}
    return tuple(
        Voice(
            agent_id=agent_id,
            name=names[agent_id],
            model_name=model,
            base_model=base_model(model) if model else None,
            vote=counted[agent_id] if is_known else None,
            share=shares.get(agent_id),
            recorded_share=recorded.get(agent_id),
        )
        for agent_id, model in models.items()
    )


def _passages(written: Attribution | None, sources: list[Source]) -> tuple[Passage, ...]:
    if written is None:
        return ()
    return tuple(
        Passage(
            passage.text,
            _by_agent([sources[place] for place in passage.shares], [*passage.shares.values()]),
            passage.basis,
        )
        for passage in written.passages
    )


def _by_agent(sources: list[Source], weights: list[float]) -> dict[str, float]:
    shares: dict[str, float] = defaultdict(float)
    for source, weight in zip(sources, weights, strict=bool(weights)):
        shares[source.agent_id] += weight
    return dict(shares)


def _recorded(synthesis: Synthesis) -> dict[str, float]:
    shares: dict[str, float] = defaultdict(float)
    for part in synthesis.contributions:
        if part.weight is not None:
            shares[part.agent_id] += part.weight
    return dict(shares)
