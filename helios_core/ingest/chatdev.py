"""ChatDev: a software company of agents that works through a chain of chats, two roles in each.

A chat opens with `[Start Chat]`: its assigner gives its assistant an instruction. From there on the assistant answers,
and the assigner may instruct it further, turn by turn. So:

- a chat is one delegation, from assigner to assistant, with the opening as its directive; it is completed by the
  assistant's answers, each of which is a response, and what the assigner says in between is a directive too;
- turns that repeat each other stay as they are;
- the agent that opens the first chat is the PM of the conversation; no agent sums up all chats, so there is no
  synthesis;
- an answer took the time since the message before it only where exactly one model call lies between them. Both
  sides of a turn are logged when both have spoken, so in a longer chat the time of one answer is not known, and stays
  so. An opening is logged when it is given;
- the clock has seconds and no zone. Times are kept as written, as if in UTC, and `attributes.zone` is "unknown";
- token counts of -1 mean that the model's server did not tell them: they are unknown.

ChatDev's phases are kept by name, as labels, and mapped to Helios's phases by `PHASES`. A conversation only goes
forward: a phase that is not in the table (`Reflection`, which ChatDev calls in between), or that would lead back,
counts to the phase that is under way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from helios_core.ingest.drafts import Draft, not_before, title_of
from helios_core.models import ConversationPhase
from helios_core.services.records import Attributes, ConversationRecord, MessageKind, PhaseRecord

PHASES = {
    "DemandAnalysis": ConversationPhase.INGESTION,
    "LanguageChoose": ConversationPhase.PLANNING,
    "Coding": ConversationPhase.PROCESSING,
    "CodeComplete": ConversationPhase.PROCESSING,
    "ArtDesign": ConversationPhase.PROCESSING,
    "ArtIntegration": ConversationPhase.PROCESSING,
    "CodeReviewComment": ConversationPhase.REVIEW,
    "CodeReviewModification": ConversationPhase.REVIEW,
    "CodeReviewHuman": ConversationPhase.REVIEW,
    "TestErrorSummary": ConversationPhase.REVIEW,
    "TestModification": ConversationPhase.REVIEW,
    "EnvironmentDoc": ConversationPhase.COMPLETION,
    "Manual": ConversationPhase.COMPLETION,
}
ORDER = list(ConversationPhase)


@dataclass(frozen=True)
class Turn:
    """One message of one chat. `is_opening`: the instruction that starts the chat."""

    at: datetime
    speaker: str
    phase: str
    assistant: str | None
    """Who answers in this chat; None where an opening was never answered and its file does not say."""
    is_opening: bool
    content: str
    calls: int
    """Model calls since the message before."""
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True)
class Run:
    """One run of ChatDev."""

    project: str
    task: str
    model_name: str | None
    turns: Sequence[Turn]
    reported: Attributes
    """The totals that ChatDev reports at the end."""
    prompts: dict[str, str] = field(default_factory=dict)
    """The system prompt of each role, where the file has them whole."""


def record_of(run: Run) -> ConversationRecord:
    """The record of a run."""
    chain = Chain(run, Draft(pm_agent_id=run.turns[0].speaker))
    for turn in run.turns:
        if turn.is_opening:
            chain.open(turn)
        else:
            chain.go_on(turn)
        chain.before = turn
    close_phases(chain.draft)
    return chain.draft.record(
        title=title_of(run.project.replace("_", " ")),
        question=run.task,
        outcome="completed",
        outcome_reason=None,
        attributes={
            "framework": "ChatDev",
            "zone": "unknown",
            "project": run.project,
            "reported": run.reported,
            "system_prompts": dict(run.prompts),
        },
    )


@dataclass
class Chain:
    """The chain of chats, as far as it has been followed."""

    run: Run
    draft: Draft
    phase: ConversationPhase = ConversationPhase.INITIALIZATION
    chat: int | None = None
    """The delegation of the chat that is under way."""
    before: Turn | None = None

    def open(self, turn: Turn) -> None:
        """Begin a chat: a phase, and a delegation where it is known to whom."""
        self.join(turn.speaker)
        self.phase = phase_after(self.phase, turn.phase)
        self.draft.phases.append(PhaseRecord(phase=self.phase, label=turn.phase, started_at=turn.at))
        self.chat = None
        if turn.assistant is not None:
            self.join(turn.assistant)
            task = f"{turn.phase}: {title_of(self.run.task)}"
            self.chat = self.draft.delegate(
                turn.speaker, turn.assistant, turn.content, task=task, position=len(self.draft.messages), at=turn.at
            )
        self.say(turn, "directive", turn.assistant)

    def go_on(self, turn: Turn) -> None:
        """Continue the chat: with an answer of the assistant, or a further instruction of the assigner."""
        self.join(turn.speaker)
        delegation = None if self.chat is None else self.draft.delegations[self.chat]
        if delegation is None or turn.speaker != delegation.target_agent_id:
            self.say(turn, "directive", delegation.target_agent_id if delegation else None)
            return
        position = self.say(turn, "response", delegation.pm_agent_id)
        started_at = self.before.at if self.before is not None and turn.calls == 1 else None
        self.draft.respond(position, model_name=self.run.model_name, started_at=started_at)

    def say(self, turn: Turn, kind: MessageKind, addressee: str | None) -> int:
        """Add a turn to the transcript, and return its position."""
        return self.draft.say(
            turn.speaker,
            kind,
            turn.content,
            addressee=addressee,
            delegation=self.chat,
            phase=self.phase,
            tokens=(turn.input_tokens, turn.output_tokens),
            at=turn.at,
        )

    def join(self, agent: str) -> None:
        """Let an agent take part."""
        role = "pm" if agent == self.draft.pm_agent_id else "expert"
        self.draft.join(agent, role, model_name=self.run.model_name)


def phase_after(phase: ConversationPhase, label: str) -> ConversationPhase:
    """The phase of a chat that ChatDev calls `label`, after one in `phase`: never an earlier one."""
    return max(phase, PHASES.get(label, phase), key=ORDER.index)


def close_phases(draft: Draft) -> None:
    """End each phase where the next one starts, and the last one with the last message."""
    ends = [phase.started_at for phase in draft.phases[1:]] + [draft.messages[-1].occurred_at]
    draft.phases = [
        phase.model_copy(update={"ended_at": not_before(phase.started_at, end)})
        for phase, end in zip(draft.phases, ends, strict=False)
    ]


def reported_number(written: str | None) -> float | None:
    """A total as ChatDev writes it (`54.00s`, `$0.097545`, `-1`); -1, or anything else, is unknown."""
    try:
        number = float((written or "").strip().removeprefix("$").removesuffix("s"))
    except ValueError:
        return None
    return number if 0 <= number < 1e15 else None


def totals(duration: str | None, input_tokens: str | None, output_tokens: str | None, cost: str | None) -> Attributes:
    """The totals by our names, without what is unknown. Without tokens a cost of 0 only means: not counted."""
    numbers = {
        "duration_seconds": reported_number(duration),
        "input_tokens": reported_number(input_tokens),
        "output_tokens": reported_number(output_tokens),
    }
    if numbers["input_tokens"] is not None:
        numbers["cost_dollars"] = reported_number(cost)
    return {name: number for name, number in numbers.items() if number is not None}


def model_named(written: str | None) -> str | None:
    """`ModelType.GPT_4O` as `GPT_4O`."""
    return written.rpartition(".")[2].strip() or None if written else None
