import json
import re
from pathlib import Path
from typing import Any

import pytest

from helios_core.errors import ImportRefused
from helios_core.ingest.reading import read
from helios_core.models import ConversationPhase, TaskDelegationStatus
from helios_core.services.records import ConversationRecord
from tests.ingest.own_files import GROUP_CHAT, MAGENTIC_ONE, as_bytes
from tests.ingest.real_files import CAPTAIN_AGENT, named, needs_real_files, text_of
from tests.ingest.real_files import MAGENTIC_ONE as REAL_MAGENTIC_ONE


def imported(tree: dict[str, Any]) -> ConversationRecord:
    return read(as_bytes(tree), "file.json")


def test_a_role_with_an_arrow_is_a_delegation_and_what_the_agent_says_next_its_responses() -> None:
    record = imported(MAGENTIC_ONE)
    assert [(task.pm_agent_id, task.target_agent_id, task.position) for task in record.delegations] == [
        ("Orchestrator", "WebSurfer", 2),
        ("Orchestrator", "FileSurfer", 5),
        ("Orchestrator", "WebSurfer", 6),
    ]
    assert [(answer.delegation, answer.position) for answer in record.responses] == [(0, 3), (0, 4), (2, 7)]
    assert record.delegations[0].delegation_directive == "Please look for a list of bridges."


def test_a_delegation_without_a_response_is_cancelled_and_says_why() -> None:
    unanswered = imported(MAGENTIC_ONE).delegations[1]
    assert unanswered.status is TaskDelegationStatus.CANCELLED
    assert unanswered.error_message


def test_messages_keep_their_place_and_their_kind() -> None:
    record = imported(MAGENTIC_ONE)
    assert [message.content for message in record.messages] == [step["content"] for step in MAGENTIC_ONE["history"]]
    assert [message.kind for message in record.messages] == [
        "question", "thought", "directive", "response", "response", "directive", "directive", "response", "synthesis",
    ]  # fmt: skip
    assert record.messages[0].speaker == "user"
    assert record.messages[2].addressee == "WebSurfer"


def test_the_final_answer_is_the_orchestrators_synthesis() -> None:
    (synthesis,) = imported(MAGENTIC_ONE).syntheses
    assert (synthesis.synthesizer_agent_id, synthesis.content, synthesis.position) == ("Orchestrator", "7", 8)
    assert [part.weight for part in synthesis.contributions] == [None, None, None]


def test_a_final_answer_without_any_response_is_no_synthesis() -> None:
    steps = [MAGENTIC_ONE["history"][0], MAGENTIC_ONE["history"][-1]]
    assert imported({**MAGENTIC_ONE, "history": steps}).syntheses == ()


def test_what_the_file_does_not_say_stays_unknown() -> None:
    record = imported(MAGENTIC_ONE)
    assert record.started_at is None
    assert {message.occurred_at for message in record.messages} == {None}
    assert {message.output_tokens for message in record.messages} == {None}
    assert {answer.quality_score for answer in record.responses} == {None}


def test_annotations_point_at_the_message_they_mean() -> None:
    record = imported(MAGENTIC_ONE)
    assert record.attributes["mistake_step"] == 4
    assert record.messages[4].speaker == record.attributes["mistake_agent"]
    assert (record.outcome, record.outcome_reason) == ("failed", "WebSurfer at step 4: It counted one list.")


@pytest.mark.parametrize("step", ["99", "fourth", -1])
def test_an_annotated_step_that_is_no_message_is_kept_as_written(step: str | int) -> None:
    assert imported({**MAGENTIC_ONE, "mistake_step": step}).attributes["mistake_step"] == str(step)


def test_phases_follow_the_order_and_are_marked_as_derived() -> None:
    record = imported(MAGENTIC_ONE)
    assert [span.phase for span in record.phases] == [
        ConversationPhase.PLANNING,
        ConversationPhase.PROCESSING,
        ConversationPhase.SYNTHESIS,
    ]
    assert record.attributes["phases"] == "derived from the order of the messages"


def test_a_group_chat_is_one_task_from_its_manager_to_each_expert_that_speaks() -> None:
    record = imported(GROUP_CHAT)
    assert record.pm_agent_id == "chat_manager"
    assert [task.target_agent_id for task in record.delegations] == ["Jar_Expert", "Scale_Expert"]
    assert {task.delegation_directive for task in record.delegations} == {GROUP_CHAT["history"][0]["content"]}
    assert [(answer.agent_id, answer.position) for answer in record.responses] == [
        ("Jar_Expert", 2),
        ("Scale_Expert", 3),
        ("Jar_Expert", 4),
    ]


def test_a_group_chats_tools_and_silent_experts_take_part_without_delegations() -> None:
    roles = {participant.agent_id: participant.role for participant in imported(GROUP_CHAT).participants}
    assert roles == {
        "chat_manager": "pm",
        "Scale_Expert": "expert",
        "Jar_Expert": "expert",
        "Silent_Expert": "expert",
        "Computer_terminal": "tool",
    }


def test_a_right_answer_is_a_completed_conversation() -> None:
    record = imported(GROUP_CHAT)
    assert record.outcome == "completed"
    assert record.attributes["system_prompts"] == GROUP_CHAT["system_prompt"]


@pytest.mark.parametrize("role", ["(thought)", " ", "Orchestrator (->)"])
def test_a_role_that_names_nobody_is_refused_with_its_place(role: str) -> None:
    broken = {**MAGENTIC_ONE, "history": [*MAGENTIC_ONE["history"], {"role": role, "content": "?"}]}
    with pytest.raises(ImportRefused, match=r"file\.json: history\[9\]\.role: .* is expected"):
        imported(broken)


@needs_real_files
@pytest.mark.parametrize("path", REAL_MAGENTIC_ONE, ids=named)
def test_a_real_magentic_one_run_has_the_turns_speakers_and_delegations_of_its_file(path: Path) -> None:
    text = text_of(path)
    roles = re.findall(r'^\s*"role": "(.*)"', text, re.MULTILINE)
    asked = [role.split("-> ")[1].rstrip(")") for role in roles if "->" in role]
    record = read(path.read_bytes(), path.name)
    assert len(record.messages) == len(roles)
    assert {message.speaker for message in record.messages} == {
        "user" if role == "human" else role.split(" (")[0] for role in roles
    }
    assert [task.target_agent_id for task in record.delegations] == asked
    assert len(record.responses) == sum(role in asked for role in roles)
    assert len(record.syntheses) == min(1, text.count("FINAL ANSWER: "))


@needs_real_files
@pytest.mark.parametrize("path", CAPTAIN_AGENT, ids=named)
def test_a_real_group_chat_has_the_turns_and_speakers_of_its_file(path: Path) -> None:
    file = json.loads(text_of(path))
    names = [step["name"] for step in file["history"]]
    experts = [name for name in names[1:] if name != "Computer_terminal"]
    record = read(path.read_bytes(), path.name)
    assert [message.speaker for message in record.messages] == names
    assert len(record.responses) == len(experts)
    assert {task.target_agent_id for task in record.delegations} == set(experts)
    assert len(record.delegations) == len(set(experts))
    assert record.attributes["mistake_step"] == int(file["mistake_step"])


@needs_real_files
@pytest.mark.parametrize("path", [*REAL_MAGENTIC_ONE, *CAPTAIN_AGENT], ids=named)
def test_a_real_run_says_what_its_annotators_say(path: Path) -> None:
    file = json.loads(text_of(path))
    record = read(path.read_bytes(), path.name)
    assert record.outcome == "failed"
    assert record.attributes["ground_truth"] == file["ground_truth"]
    assert record.attributes["mistake_agent"] == file["mistake_agent"]
    assert file["mistake_reason"] in (record.outcome_reason or "")
