import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helios_core.errors import ImportRefused
from helios_core.ingest.chatdev import PHASES
from helios_core.ingest.reading import read
from helios_core.models import ConversationPhase
from helios_core.services.records import ConversationRecord
from tests.ingest.own_files import CHATDEV, CHATDEV_LOG, as_bytes
from tests.ingest.real_files import CHATDEV_JSON, named, needs_real_files, text_of
from tests.ingest.real_files import CHATDEV_LOG as REAL_LOGS

TURN_LINE = re.compile(
    r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO\] (?P<speaker>[^:\n]+): \*\*(?:\[Start Chat\]|.+<->.+, turn \d+)\*\*$",
    re.MULTILINE,
)


def parsed(**changes: object) -> ConversationRecord:
    return read(as_bytes(CHATDEV | changes), "run.json")


def logged(text: str = CHATDEV_LOG) -> ConversationRecord:
    return read(text.encode(), "run.log")


def test_a_chat_is_a_delegation_from_its_assigner_to_its_assistant() -> None:
    record = parsed()
    assert [(task.pm_agent_id, task.target_agent_id, task.position) for task in record.delegations] == [
        ("Chief Executive Officer", "Chief Product Officer", 0),
        ("Chief Technology Officer", "Programmer", 3),
    ]
    assert [(answer.agent_id, answer.delegation, answer.position) for answer in record.responses] == [
        ("Chief Product Officer", 0, 1),
        ("Programmer", 1, 4),
    ]
    assert record.messages[2].kind == "directive"
    assert record.pm_agent_id == "Chief Executive Officer"


def test_an_answer_took_the_time_since_the_message_before_only_after_a_single_model_call() -> None:
    assert [answer.response_seconds for answer in parsed().responses] == [None, 4.0]


def test_phases_keep_their_names_and_only_go_forward() -> None:
    turns = [dict(turn) for turn in CHATDEV["turns"]]
    turns += [
        dict(turns[3], phase="Reflection"),
        dict(turns[3], phase="DemandAnalysis"),
        dict(turns[3], phase="Manual"),
    ]
    record = parsed(turns=turns, num_turns=8)
    assert [(span.label, span.phase.value) for span in record.phases] == [
        ("DemandAnalysis", "ingestion"),
        ("Coding", "processing"),
        ("Reflection", "processing"),
        ("DemandAnalysis", "processing"),
        ("Manual", "completion"),
    ]
    assert record.last_phase is ConversationPhase.COMPLETION


def test_times_are_kept_as_written_and_their_zone_is_unknown() -> None:
    record = parsed()
    assert record.started_at == datetime(2025, 3, 9, 10, 0, tzinfo=UTC)
    assert record.attributes["zone"] == "unknown"


def test_a_clock_that_was_set_back_leaves_the_end_unknown() -> None:
    turns = [dict(turn) for turn in CHATDEV["turns"]]
    turns[4]["ts"] = "2025-03-09T09:00:09"
    record = parsed(turns=turns)
    assert record.delegations[1].completed_at is None
    assert record.responses[1].response_seconds is None
    assert record.started_at == datetime(2025, 3, 9, 9, 0, 9, tzinfo=UTC)


def test_a_parsed_file_that_lacks_turns_is_refused() -> None:
    with pytest.raises(ImportRefused, match=r"run\.json: turns: 6 are expected by `num_turns`, and there are 5"):
        parsed(num_turns=6)


def test_a_log_tells_the_tokens_of_each_turn_and_minus_one_is_unknown() -> None:
    record = logged()
    assert [(message.input_tokens, message.output_tokens) for message in record.messages] == [
        (0, 0),
        (40, 8),
        (50, None),
    ]
    assert record.attributes["reported"] == {"duration_seconds": 6.0, "input_tokens": 90.0, "cost_dollars": 0.001}


def test_a_logs_day_comes_before_its_month_and_the_listeners_prompt_is_no_part_of_what_was_said() -> None:
    record = logged()
    assert record.started_at == datetime(2025, 5, 13, 10, 0, 1, tzinfo=UTC)
    assert [message.content for message in record.messages] == [
        "Which form shall it have?",
        "An application.",
        "<INFO> Application",
    ]
    assert record.attributes["system_prompts"] == {"Chief Product Officer": "You are Chief Product Officer."}


def test_calls_that_do_not_match_the_messages_one_to_one_give_no_tokens() -> None:
    once_more = "[2025-13-05 10:00:02 INFO] **[OpenAI_Usage_Info Receive]**\nprompt_tokens: 1\ncompletion_tokens: 1\n\n"
    place = CHATDEV_LOG.index("[2025-13-05 10:00:03 INFO] HTTP")
    record = logged(CHATDEV_LOG[:place] + once_more + CHATDEV_LOG[place:])
    assert [message.input_tokens for message in record.messages] == [0, None, None]


def line_of(text: str) -> int:
    """Where a text stands in the log."""
    return CHATDEV_LOG[: CHATDEV_LOG.index(text)].count("\n") + 1


CHAT_LINE, ANSWER_LINE, AGREED_LINE = line_of("Chief Executive Officer: **[St"), line_of("An app"), line_of("<INFO>")
LAST_LINE = CHATDEV_LOG.rstrip().count("\n") + 1


@pytest.mark.parametrize(
    ("whole", "broken", "line", "fault"),
    [
        ("10:00:01", "10:00:71", CHAT_LINE, "a time as year-day-month is expected"),
        ("13-05 10:00:01", "13-45 10:00:01", CHAT_LINE, "a time as year-day-month is expected"),
        ("[chatting]", "[dancing]", CHAT_LINE, r"a chat starts, and no `\[chatting\]` table"),
        ("An app", "An\0app", ANSWER_LINE, "the text holds a zero character"),
        ("**project_name**", "**project**", 1, r"`\*\*project_name\*\*` is expected"),
        (
            "num_utterances**=3",
            "num_utterances**=4",
            LAST_LINE,
            "4 messages are expected by the report, and there are 3",
        ),
        ("**[Post Info]**", "**[Info]**", LAST_LINE, "the log ends here, before ChatDev's closing report"),
    ],
)
def test_a_broken_log_is_refused_with_its_line(whole: str, broken: str, line: int, fault: str) -> None:
    with pytest.raises(ImportRefused, match=rf"run\.log: line {line}: {fault}"):
        logged(CHATDEV_LOG.replace(whole, broken))


def test_a_log_that_is_cut_off_is_refused_where_it_ends() -> None:
    with pytest.raises(ImportRefused, match=rf"line {AGREED_LINE}: the log ends here"):
        logged(CHATDEV_LOG[: CHATDEV_LOG.index("[2025-13-05 10:00:06")])


def test_a_log_that_is_no_utf8_is_refused_with_its_line_and_byte() -> None:
    with pytest.raises(ImportRefused, match=rf"run\.log: line {ANSWER_LINE}, byte 4: text in UTF-8 is expected"):
        read(CHATDEV_LOG.encode().replace(b"An app", b"An \xff app"), "run.log")


@needs_real_files
@pytest.mark.parametrize("path", REAL_LOGS, ids=named)
def test_a_real_log_has_the_turns_speakers_and_chats_that_its_lines_show(path: Path) -> None:
    text = text_of(path)
    record = read(path.read_bytes(), path.name)
    assert [message.speaker for message in record.messages] == [turn["speaker"] for turn in TURN_LINE.finditer(text)]
    assert len(record.delegations) == text.count(": **[Start Chat]**")
    assert len(record.phases) == text.count("System: **[chatting]**")
    assert len(record.messages) == int(re.findall(r"\*\*num_utterances\*\*=(\d+)", text)[-1])


@needs_real_files
@pytest.mark.parametrize("path", REAL_LOGS, ids=named)
def test_the_tokens_of_a_real_logs_turns_add_up_to_what_it_reports(path: Path) -> None:
    text = text_of(path)
    reported = [int(re.findall(rf"\*\*num_{kind}_tokens\*\*=(-?\d+)", text)[-1]) for kind in ("prompt", "completion")]
    messages = read(path.read_bytes(), path.name).messages
    counted = [(message.input_tokens, message.output_tokens) for message in messages]
    if reported == [-1, -1]:
        assert set(counted) == {(0, 0), (None, None)}
    else:
        assert [sum(one or 0 for one in column) for column in zip(*counted, strict=True)] == reported


@needs_real_files
@pytest.mark.parametrize("path", CHATDEV_JSON, ids=named)
def test_a_real_parsed_run_has_the_turns_speakers_and_chats_of_its_file(path: Path) -> None:
    turns = json.loads(text_of(path))["turns"]
    record = read(path.read_bytes(), path.name)
    assert [message.speaker for message in record.messages] == [turn["speaker"] for turn in turns]
    assert [message.content for message in record.messages] == [turn["content"] for turn in turns]
    assert len(record.delegations) == sum(turn["kind"] == "start" for turn in turns)
    assert len(record.responses) == sum(bool(turn["pair"]) and turn["speaker"] == turn["pair"][0] for turn in turns)
    assert {turn["phase"] for turn in turns} <= {*PHASES, "Reflection"}


@needs_real_files
@pytest.mark.parametrize("path", REAL_LOGS, ids=named)
def test_a_log_and_its_parsed_twin_are_the_same_conversation(path: Path) -> None:
    log = read(path.read_bytes(), path.name)
    twin = path.with_name(path.name.replace(".log.gz", ".json"))
    parsed_twin = read(twin.read_bytes(), twin.name)
    assert [message.content.strip() for message in log.messages] == [
        message.content.strip() for message in parsed_twin.messages
    ]
    assert [message.occurred_at for message in log.messages] == [
        message.occurred_at for message in parsed_twin.messages
    ]
    assert [answer.response_seconds for answer in log.responses] == [
        answer.response_seconds for answer in parsed_twin.responses
    ]
