"""Who&When: recorded failures of two kinds of teams, annotated with who made the decisive mistake, and when.

A message's position is its index in the file's `history`, so that the annotation `mistake_step` points at it. The files
hold no times, tokens or scores, and so neither does the record. The phases are derived from the order of the messages
and marked so: planning until the first task is given, processing until the last expert has spoken, synthesis or
completion after that.

**Magentic-One** (messages without `name`). An orchestrator leads, and the `role` says who speaks to whom:
`Orchestrator (-> WebSurfer)` is a delegation; what WebSurfer says from there on, until it is asked again, is its
response; `Orchestrator (thought)` is a thought; `human` asks. A `FINAL ANSWER:` is the synthesis, if an expert has
responded before it. The harness prints that line after the team has stopped, so it can stand at the end of anybody's
last message; it is the orchestrator's answer all the same.

**Captain-Agent** (AG2 group chats, messages with `name`). The first message holds the manager's task for the whole
team, under the name of the agent through which the manager sent it. The manager itself never speaks; AG2 calls it
`chat_manager`, and so does the record. It delegates the task to each expert that speaks afterwards, and all that this
expert says is its response. Speakers without a definition in `system_prompt` are tools, which nobody delegates to.
Nobody sums up, so there is no synthesis.

A delegation without any response is `cancelled`: the conversation went on without it, and whether it failed is not
said.
"""

import re

from pydantic import BaseModel, ConfigDict

from helios_core.errors import ImportRefused
from helios_core.ingest.drafts import Draft, title_of
from helios_core.models import ConversationPhase
from helios_core.services.records import (
    PERSON,
    Attributes,
    ConversationRecord,
    Name,
    Outcome,
    PhaseRecord,
)

CHAT_MANAGER = "chat_manager"
CODE_RUNNER = "Computer_terminal"
HUMAN = "human"
ASKS = "->"
SPOKEN_ROLE = re.compile(r"(?P<name>.*?)\s*(?:\((?P<aside>[^()]*)\))?", re.DOTALL)
FINAL_ANSWER = "\nFINAL ANSWER:"
HARNESS_END = "\nSCENARIO.PY COMPLETE"

Scalar = str | int | float | bool | None


class FilePart(BaseModel):
    """What is read of a file; fields that are not named here are of no use to us."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Step(FilePart):
    """One entry of the file's `history`."""

    content: str
    role: Name | None = None
    name: Name | None = None


class WhoWhenFile(FilePart):
    """The file."""

    history: tuple[Step, ...]
    question: str | None = None
    system_prompt: dict[Name, str] = {}
    is_correct: bool | None = None
    is_corrected: bool | None = None
    question_ID: Scalar = None  # noqa: N815 - the file's own name
    level: Scalar = None
    ground_truth: Scalar = None
    mistake_agent: str | None = None
    mistake_step: str | int | None = None
    mistake_reason: str | None = None


def parse(content: bytes) -> ConversationRecord:
    """The record of a Who&When file."""
    file = WhoWhenFile.model_validate_json(content)
    if not file.history:
        raise ImportRefused("history: at least one message is expected, and there is none")
    is_group_chat = any(step.name is not None for step in file.history)
    draft = group_chat(file) if is_group_chat else orchestrated(file)
    set_phases(draft)
    question = (file.question or file.history[0].content).strip()
    outcome, reason = verdict(file, has_ended=bool(draft.syntheses) or "TERMINATE" in file.history[-1].content)
    return draft.record(
        title=title_of(question),
        question=question,
        outcome=outcome,
        outcome_reason=reason,
        attributes=annotations(file, team="Captain-Agent" if is_group_chat else "Magentic-One"),
    )


def orchestrated(file: WhoWhenFile) -> Draft:
    """A Magentic-One run: the roles say who leads, and who is asked."""
    turns = [turn_of(step, index) for index, step in enumerate(file.history)]
    draft = Draft(pm_agent_id=next((name for name, aside in turns if aside), None))
    if draft.pm_agent_id:
        draft.join(draft.pm_agent_id, role="pm")
    asked: dict[str, int] = {}
    for (name, aside), step in zip(turns, file.history, strict=True):
        if name == HUMAN:
            draft.say(PERSON, "question", step.content)
        elif aside.startswith(ASKS):
            ask(draft, asked, name, aside.removeprefix(ASKS).strip(), step.content)
        elif name in asked and not aside:
            position = draft.say(name, "response", step.content, addressee=draft.pm_agent_id, delegation=asked[name])
            draft.respond(position)
        else:
            draft.join(name)
            draft.say(name, "thought" if aside == "thought" else "note", step.content)
    conclude_with_answer(draft)
    return draft


def turn_of(step: Step, index: int) -> tuple[str, str]:
    """Who speaks, and what the role adds in brackets: `-> WebSurfer`, `thought`, or nothing."""
    found = SPOKEN_ROLE.fullmatch((step.role or "").strip())
    if found is None or not found["name"]:
        raise ImportRefused(
            f"history[{index}].role: a speaker such as `WebSurfer` or `Orchestrator (-> WebSurfer)` is expected "
            f"(found: {step.role!r})"
        )
    aside = (found["aside"] or "").strip()
    if aside == ASKS:
        raise ImportRefused(
            f"history[{index}].role: after `->` the name of an agent is expected (found: {step.role!r})"
        )
    return found["name"], aside


def ask(draft: Draft, asked: dict[str, int], pm: str, target: str, directive: str) -> None:
    """Record that `pm` gives `target` a task, and remember it as what `target` is asked now."""
    draft.join(pm)
    draft.join(target)
    asked[target] = draft.delegate(pm, target, directive, task=directive, position=len(draft.messages))
    draft.say(pm, "directive", directive, addressee=target, delegation=asked[target])


def conclude_with_answer(draft: Draft) -> None:
    """Take the final answer at the end of the last message as the orchestrator's synthesis of the responses."""
    _, found, rest = f"\n{draft.messages[-1].content}".rpartition(FINAL_ANSWER)
    answer = rest.partition(HARNESS_END)[0].strip()
    if found and answer and draft.pm_agent_id and draft.responses:
        position = len(draft.messages) - 1
        draft.conclude(draft.pm_agent_id, answer, position)
        if draft.messages[position].speaker == draft.pm_agent_id:
            draft.messages[position] = draft.messages[position].model_copy(update={"kind": "synthesis"})


def group_chat(file: WhoWhenFile) -> Draft:
    """An AG2 group chat: one task for all, given by the manager."""
    draft = Draft(pm_agent_id=CHAT_MANAGER)
    draft.join(CHAT_MANAGER, role="pm")
    for agent in file.system_prompt:
        draft.join(agent)
    opening, *rest = file.history
    task = opening.content
    speaker = speaker_of(opening, 0)
    draft.join(speaker)
    draft.say(speaker, "directive", task)
    asked: dict[str, int] = {}
    for index, step in enumerate(rest, start=1):
        name = speaker_of(step, index)
        if is_tool(file, name):
            draft.join(name, role="tool")
            draft.say(name, "tool", step.content)
            continue
        draft.join(name)
        if name not in asked:
            asked[name] = draft.delegate(CHAT_MANAGER, name, task, task=file.question or title_of(task), position=0)
        draft.respond(draft.say(name, "response", step.content, delegation=asked[name]))
    return draft


def speaker_of(step: Step, index: int) -> str:
    """The name under which a message of a group chat stands."""
    name = step.name or step.role
    if not name:
        raise ImportRefused(f"history[{index}].name: the speaker's name is expected, and there is none")
    return name


def is_tool(file: WhoWhenFile, name: str) -> bool:
    """Whether a speaker of a group chat runs code instead of being an expert."""
    return name == CODE_RUNNER or (bool(file.system_prompt) and name not in file.system_prompt)


def set_phases(draft: Draft) -> None:
    """Derive the phases from the order: planning, then processing until the last response, then synthesis."""
    first_task = min((delegation.position or 0 for delegation in draft.delegations), default=len(draft.messages))
    last_response = max((response.position or 0 for response in draft.responses), default=len(draft.messages))
    for position, message in enumerate(draft.messages):
        phase = ConversationPhase.PROCESSING
        if position < first_task:
            phase = ConversationPhase.PLANNING
        elif draft.syntheses and position > last_response:
            phase = ConversationPhase.SYNTHESIS
        draft.messages[position] = message.model_copy(update={"phase": phase})
        if not draft.phases or draft.phases[-1].phase != phase:
            draft.phases.append(PhaseRecord(phase=phase))


def verdict(file: WhoWhenFile, *, has_ended: bool) -> tuple[Outcome, str | None]:
    """How the run came out: as its annotators judge, or, where they say nothing, by whether it came to an end."""
    is_right = file.is_correct if file.is_correct is not None else file.is_corrected
    if is_right is False or file.mistake_agent:
        return "failed", mistake(file)
    if is_right or has_ended:
        return "completed", None
    return "failed", "The file ends without a final answer."


def mistake(file: WhoWhenFile) -> str:
    """The decisive mistake in one sentence."""
    if not file.mistake_agent:
        return "The answer is wrong, as its annotators judge."
    where = "" if file.mistake_step is None else f" at step {file.mistake_step}"
    return f"{file.mistake_agent}{where}: {file.mistake_reason or 'the decisive mistake, without a reason given'}"


def annotations(file: WhoWhenFile, *, team: str) -> Attributes:
    """What the annotators wrote, and what the reader should know of this file."""
    said: Attributes = {
        "question_id": file.question_ID,
        "level": file.level,
        "ground_truth": file.ground_truth,
        "is_correct": file.is_correct if file.is_correct is not None else file.is_corrected,
        "mistake_agent": file.mistake_agent,
        "mistake_step": step_number(file),
        "mistake_reason": file.mistake_reason,
    }
    known = {name: value for name, value in said.items() if value is not None}
    if file.system_prompt:
        known["system_prompts"] = dict(file.system_prompt)
    return {"framework": team, "dataset": "Who&When", "phases": "derived from the order of the messages", **known}


def step_number(file: WhoWhenFile) -> int | str | None:
    """The annotated step as a position in the transcript; as it was written where it points at none."""
    written = file.mistake_step
    if isinstance(written, str) and written.strip().isdecimal() and len(written) < 10:
        written = int(written)
    return written if not isinstance(written, int) or 0 <= written < len(file.history) else str(written)
