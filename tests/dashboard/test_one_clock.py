import pytest
from sqlalchemy.orm import Session

from dashboard.components.conversation_detail import faces_of
from dashboard.components.delegation_graph import requests
from dashboard.components.gantt import side_by_side
from dashboard.components.one_clock import drawing, elapsed, moment_words, spoken_until
from dashboard.components.transcript import Window, window
from helios_core.models import ConversationMessage, MultiAgentConversation
from helios_core.services.workspace import Workspace
from helios_core.views.conversations import Conversation, conversation
from tests.views import scenes


def timed(workspace: Workspace) -> Conversation:
    """A conversation whose times are known."""
    conversation_id = workspace.act(scenes.timed_conversation).id
    return workspace.read(lambda session: conversation(session, conversation_id))


def ordered(workspace: Workspace) -> Conversation:
    """Of this one only the order is known: a question, a directive, two messages of the answer."""

    def scene(session: Session) -> MultiAgentConversation:
        row = scenes.conversation(session, pm_agent_id="Lead")
        task = scenes.delegation(session, row, "Surfer", pm_agent_id="Lead")
        for position, (speaker, kind, delegation_id) in enumerate(
            [("user", "question", None), ("Lead", "directive", task.id)] + [("Surfer", "response", task.id)] * 2
        ):
            session.add(
                ConversationMessage(
                    conversation_id=row.id, position=position, speaker=speaker, kind=kind, content="Words",
                    delegation_id=delegation_id,
                )
            )  # fmt: skip
        session.flush()
        return row

    conversation_id = workspace.act(scene).id
    return workspace.read(lambda session: conversation(session, conversation_id))


def test_the_axis_counts_seconds_from_the_first_recorded_time(workspace: Workspace) -> None:
    found = timed(workspace)
    drawn = drawing(found, faces_of(found), [])
    assert not drawn["is_order"]
    assert drawn["length"] == 160
    assert [(phase["start"], phase["end"]) for phase in drawn["phases"]] == [(0, 20), (20, 160)]
    expert = next(lane for lane in drawn["lanes"] if lane["id"] == "technical_expert")
    assert [(part["kind"], part["start"], part["end"]) for part in expert["tasks"][0]["segments"]] == [
        ("queue", 20, 25), ("load", 25, 35), ("prefill", 35, 40), ("decode", 40, 60), ("unknown", 60, 65)
    ]  # fmt: skip


def test_a_failed_attempt_is_drawn_as_failed_and_named_in_the_legend(workspace: Workspace) -> None:
    found = timed(workspace)
    drawn = drawing(found, faces_of(found), [])
    analyst = next(lane for lane in drawn["lanes"] if lane["id"] == "data_analyst")
    assert [task["has_failed"] for task in analyst["tasks"]] == [True, False]
    assert "out of memory" in analyst["tasks"][0]["tip"]
    assert "failed" in {kind["kind"] for kind in drawn["legend"]}


def test_without_times_the_axis_counts_messages_and_draws_no_segment(workspace: Workspace) -> None:
    found = ordered(workspace)
    drawn = drawing(found, faces_of(found), [])
    assert drawn["is_order"]
    assert drawn["length"] == 4
    surfer = next(lane for lane in drawn["lanes"] if lane["id"] == "Surfer")
    assert (surfer["tasks"][0]["start"], surfer["tasks"][0]["end"]) == (1.5, 4)
    assert surfer["tasks"][0]["segments"] == []
    assert [mark["at"] for mark in surfer["marks"]] == [2.5, 3.5]
    assert drawn["note"].startswith("Order only")


def test_the_person_who_asked_has_a_face_but_no_lane(workspace: Workspace) -> None:
    found = ordered(workspace)
    assert list(faces_of(found)) == ["Lead", "Surfer", "user"]
    assert [lane["id"] for lane in drawing(found, faces_of(found), [])["lanes"]] == ["Lead", "Surfer"]


@pytest.mark.parametrize(("moment", "spoken"), [(None, 5), (0, 1), (19.9, 1), (20, 2), (129, 3), (1000, 5)])
def test_a_moment_tells_how_much_had_been_said(workspace: Workspace, moment: float | None, spoken: int) -> None:
    assert spoken_until(timed(workspace), moment) == spoken


def test_where_only_the_order_is_known_a_moment_is_a_number_of_messages(workspace: Workspace) -> None:
    found = ordered(workspace)
    assert spoken_until(found, 3.0) == 3
    assert moment_words(found, 3.0) == "message 3"


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (87.9, "1:27"), (3909, "1:05:09")])
def test_seconds_are_written_as_a_clock(seconds: float, words: str) -> None:
    assert elapsed(seconds) == words


def test_the_reader_starts_at_the_beginning_and_follows_at_the_end() -> None:
    assert window(100, 100, 30, is_newest_first=False) == Window(0, 30, 100, 100)
    assert window(100, 60, 30, is_newest_first=True) == Window(30, 60, 60, 100)
    assert window(100, 10, 30, is_newest_first=True) == Window(0, 10, 10, 100)


def test_delegations_count_as_requests_once_however_they_were_said(workspace: Workspace) -> None:
    assert requests(timed(workspace)) == {
        ("project_manager", "data_analyst"): 2, ("project_manager", "technical_expert"): 1
    }  # fmt: skip


def test_bars_that_overlap_get_rows_of_their_own() -> None:
    one, other, later = ({"start": start, "end": start + 10} for start in (0, 5, 10))
    assert side_by_side([one, other, later]) == [[one, later], [other]]
