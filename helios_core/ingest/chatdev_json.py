"""ChatDev runs as JSON: a log that somebody has parsed into its turns."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from helios_core.errors import ImportRefused
from helios_core.ingest.chatdev import Run, Turn, model_named, record_of, totals
from helios_core.services.records import ConversationRecord, Count, Name


class FilePart(BaseModel):
    """What is read of a file; fields that are not named here are of no use to us."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class FileTurn(FilePart):
    """One message. `pair` is (assistant, assigner), and absent where the message opens its chat."""

    ts: datetime
    speaker: Name
    kind: str
    phase: Name
    content: str
    pair: tuple[Name, Name] | None = None
    llm_calls_since_last: Count = 0


class FileTotals(FilePart):
    """The totals at the end of the log, as written there."""

    duration_s: str | None = None
    prompt_tokens: str | None = None
    completion_tokens: str | None = None
    cost: str | None = None


class ChatDevFile(FilePart):
    """The file."""

    project: Name
    task: str
    turns: tuple[FileTurn, ...]
    model: str | None = None
    num_turns: Count | None = None
    num_utterances_reported: Count | None = None
    stats: FileTotals = FileTotals()


def parse(content: bytes) -> ConversationRecord:
    """The record of a parsed ChatDev run."""
    file = ChatDevFile.model_validate_json(content)
    check_count(file)
    stats = file.stats
    return record_of(
        Run(
            project=file.project,
            task=file.task,
            model_name=model_named(file.model),
            turns=[turn_at(file, index) for index in range(len(file.turns))],
            reported=totals(stats.duration_s, stats.prompt_tokens, stats.completion_tokens, stats.cost),
        )
    )


def check_count(file: ChatDevFile) -> None:
    """Refuse a file that lacks turns which it says it has."""
    if not file.turns:
        raise ImportRefused("turns: at least one is expected, and there is none")
    for key, said in (("num_turns", file.num_turns), ("num_utterances_reported", file.num_utterances_reported)):
        if said is not None and said != len(file.turns):
            raise ImportRefused(f"turns: {said} are expected by `{key}`, and there are {len(file.turns)}")


def turn_at(file: ChatDevFile, index: int) -> Turn:
    """One turn in the terms of all ChatDev files."""
    turn = file.turns[index]
    if turn.kind not in {"start", "turn"}:
        raise ImportRefused(f"turns[{index}].kind: `start` or `turn` is expected (found: {turn.kind!r})")
    pair = turn.pair or pair_after(file, index)
    return Turn(
        at=turn.ts if turn.ts.tzinfo else turn.ts.replace(tzinfo=UTC),
        speaker=turn.speaker,
        phase=turn.phase,
        assistant=pair[0] if pair else None,
        is_opening=turn.kind == "start",
        content=turn.content,
        calls=turn.llm_calls_since_last,
    )


def pair_after(file: ChatDevFile, opening: int) -> tuple[str, str] | None:
    """The two sides of the chat that a turn opens: its first answer names them."""
    following = file.turns[opening + 1 : opening + 2]
    return following[0].pair if following and following[0].kind == "turn" else None
