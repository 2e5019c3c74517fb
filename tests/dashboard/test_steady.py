"""Requests that must not undo one another: a click's, a refresh's, and those from a page that was left."""

import asyncio
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.scriptrunner.script_runner import ScriptRunnerEvent
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequestType
from streamlit.runtime.state import SessionState

from dashboard.steady import SteadyRequests, SteadyRunner, SteadySession

HERE = "page that is open"
LEFT = "page that was left"


def pressed(button: str) -> WidgetStates:
    """What a browser sends when a button was pressed."""
    states = WidgetStates()
    states.widgets.add(id=button, trigger_value=True)
    return states


def click(fragment_id: str = "", page: str = HERE) -> RerunData:
    return RerunData(widget_states=pressed("undo"), fragment_id=fragment_id or None, page_script_hash=page)


def refresh(fragment_id: str, page: str = HERE) -> RerunData:
    return RerunData(fragment_id=fragment_id, page_script_hash=page, is_auto_rerun=True)


def begun(requests: SteadyRequests) -> RerunData:
    """The run that begins now."""
    return requests.on_scriptrunner_ready().rerun_data


@pytest.fixture
def runner() -> Iterator[SteadyRunner]:
    """A runner for a page with one fragment."""
    main = str(Path(__file__))
    pages = PagesManager(main)
    pages.set_current_page_script_hash(HERE)
    fragments = MemoryFragmentStorage()
    fragments.register("plans", lambda: None)
    loop = asyncio.new_event_loop()
    yield SteadyRunner(
        "session", main, SessionState(), MemoryUploadedFileManager("/"), ScriptCache(), RerunData(), {}, fragments,
        pages, loop,
    )  # fmt: skip
    loop.close()


def test_a_run_that_answers_a_click_is_not_interrupted_by_a_later_request() -> None:
    requests = SteadyRequests()
    requests.request_rerun(click())
    begun(requests)
    requests.request_rerun(RerunData(page_script_hash=HERE))
    assert requests.on_scriptrunner_yield() is None
    assert begun(requests).page_script_hash == HERE


def test_any_other_run_is_interrupted() -> None:
    requests = SteadyRequests()
    requests.request_rerun(RerunData())
    begun(requests)
    requests.request_rerun(click())
    interrupting = requests.on_scriptrunner_yield()
    assert interrupting is not None
    assert interrupting.type is ScriptRequestType.RERUN


def test_a_stop_interrupts_every_run() -> None:
    requests = SteadyRequests()
    requests.request_rerun(click())
    begun(requests)
    requests.request_stop()
    stopping = requests.on_scriptrunner_yield()
    assert stopping is not None
    assert stopping.type is ScriptRequestType.STOP


def test_what_a_viewer_did_runs_before_the_refreshes_that_waited() -> None:
    requests = SteadyRequests()
    requests.request_rerun(refresh("watch"))
    requests.request_rerun(refresh("chips"))
    requests.request_rerun(click("plans"))
    assert begun(requests).fragment_id_queue == ["plans", "watch", "chips"]


def test_a_refresh_from_a_page_that_was_left_runs_on_the_one_that_is_open(runner: SteadyRunner) -> None:
    stale = RerunData(fragment_id_queue=["plans"], page_script_hash=LEFT, is_auto_rerun=True)
    assert runner.in_place(stale).page_script_hash == HERE
    assert runner.in_place(stale).fragment_id_queue == ["plans"]


def test_a_click_in_a_fragment_that_is_gone_runs_the_page(runner: SteadyRunner) -> None:
    lost = RerunData(fragment_id_queue=["gone"], widget_states=pressed("undo"), page_script_hash=HERE)
    assert runner.in_place(lost).fragment_id_queue == []
    assert runner.in_place(lost).widget_states == pressed("undo")


def test_a_refresh_of_a_fragment_that_is_gone_runs_nothing_else(runner: SteadyRunner) -> None:
    stale = RerunData(fragment_id_queue=["gone"], page_script_hash=HERE, is_auto_rerun=True)
    assert runner.in_place(stale) == stale


def test_a_whole_page_is_asked_for_as_it_was(runner: SteadyRunner) -> None:
    whole = RerunData(page_script_hash=LEFT, widget_states=pressed("undo"))
    assert runner.in_place(whole) == whole


def test_what_a_run_drew_last_is_sent_where_another_runner_followed_at_once(runner: SteadyRunner) -> None:
    line = ForwardMsg()
    line.delta.new_element.text.body = "the last line"

    async def follow() -> list[ForwardMsg]:
        main = str(Path(__file__))
        session = SteadySession(ScriptData(main), MemoryUploadedFileManager("/"), ScriptCache(), None, {})
        session._on_scriptrunner_event(runner, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, line)
        session._on_scriptrunner_event(runner, ScriptRunnerEvent.SHUTDOWN)
        session._scriptrunner = follower = copy(runner)
        await asyncio.sleep(0)
        session._script_event_loop.close()
        assert session._scriptrunner is follower, "the first runner's goodbye ended the second"
        return session.flush_browser_queue()

    assert asyncio.run(follow()) == [line]
