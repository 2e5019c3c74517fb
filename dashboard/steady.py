"""What makes a viewer's clicks count: Streamlit's runs, with the refreshes of fragments kept in their place.

Pages refresh in fragments once a second, and each refresh is a request like a click. In Streamlit 1.67 such a request,
or one click, may undo another, and does on a busy machine:

- One sent from the page just left runs as one of that page, and the browser then clears the page that it has by now.
- A click in a fragment is dropped where a full run has given the fragment another place by then.
- A click is forgotten where another request interrupts its run: what it asked for is not asked again.
- What a run drew last is dropped where the next request begins another runner before it was sent.

These classes stand in for Streamlit's own of the same names; all else is as it was.
"""

from dataclasses import replace
from typing import Any

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime import app_session, websocket_session_manager
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner, ScriptRunnerEvent
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequest,
    ScriptRequests,
    ScriptRequestType,
    _has_active_trigger_value,
)
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx


def steady() -> None:
    """Let this server's sessions be of the kinds below. Call it before the server takes its first viewer."""
    replaced: tuple[tuple[Any, str, type], ...] = (
        (script_runner, "ScriptRequests", SteadyRequests),
        (app_session, "ScriptRunner", SteadyRunner),
        (websocket_session_manager, "AppSession", SteadySession),
    )
    for module, name, kind in replaced:
        setattr(module, name, kind)


def carries_click(data: RerunData) -> bool:
    """Whether a viewer pressed something, which a run is told once only."""
    states = data.widget_states
    return states is not None and any(_has_active_trigger_value(state) for state in states.widgets)


class SteadyRequests(ScriptRequests):
    """What is asked of one runner: a run that answers a click is not interrupted but by itself."""

    def __init__(self) -> None:
        super().__init__()
        self._answers_click = False
        self._asked_by_run = False

    def _request_rerun_locked(self, new_data: RerunData) -> bool:
        if get_script_run_ctx(suppress_warning=True) is not None:
            self._asked_by_run = True
        is_taken = super()._request_rerun_locked(new_data)
        if new_data.fragment_id and not new_data.is_auto_rerun:
            self._put_first(new_data.fragment_id)
        return is_taken

    def _put_first(self, fragment_id: str) -> None:
        """Run what the viewer did before refreshes: these may draw the whole page anew, and the click is gone."""
        queue = self._rerun_data.fragment_id_queue
        if fragment_id in queue:
            others = [other for other in queue if other != fragment_id]
            self._rerun_data = replace(self._rerun_data, fragment_id_queue=[fragment_id, *others])

    def on_scriptrunner_yield(self) -> ScriptRequest | None:
        """What interrupts the present run, if anything does."""
        if self._answers_click and not self._asked_by_run and self._state is ScriptRequestType.RERUN:
            return None
        return self._begun(super().on_scriptrunner_yield())

    def on_scriptrunner_ready(self) -> ScriptRequest:
        """What to run next."""
        request = super().on_scriptrunner_ready()
        self._begun(request)
        return request

    def _begun(self, request: ScriptRequest | None) -> ScriptRequest | None:
        if request is not None and request.type is ScriptRequestType.RERUN:
            self._answers_click = carries_click(request.rerun_data)
            self._asked_by_run = False
        return request


class SteadyRunner(ScriptRunner):
    """Runs fragments on the page that the viewer is on now, and the whole page where a click's fragment is gone."""

    def _run_script(self, rerun_data: RerunData) -> None:
        super()._run_script(self.in_place(rerun_data))

    def in_place(self, data: RerunData) -> RerunData:
        """What to run instead of `data`."""
        if not data.fragment_id_queue:
            return data
        page = self._pages_manager.current_page_script_hash
        if page and data.page_script_hash != page:
            context = get_script_run_ctx(suppress_warning=True)
            query = context.query_string if context is not None else ""
            data = replace(data, page_script_hash=page, page_name="", query_string=query or data.query_string)
        is_there = all(map(self._fragment_storage.contains, data.fragment_id_queue))
        return data if is_there or not carries_click(data) else replace(data, fragment_id_queue=[])


class SteadySession(AppSession):
    """Takes a click in a fragment that is gone as one on the page, and sends all that a runner drew to its end."""

    def request_rerun(self, client_state: ClientState | None) -> None:
        """Ask for a run."""
        if (
            client_state is not None
            and client_state.fragment_id
            and not client_state.is_auto_rerun
            and not self.has_fragment(client_state.fragment_id)
        ):
            client_state.ClearField("fragment_id")
        super().request_rerun(client_state)

    def _handle_scriptrunner_event_on_event_loop(
        self,
        sender: ScriptRunner | None,
        event: ScriptRunnerEvent,
        *args: Any,  # noqa: ANN401 - what comes with an event is of its kind
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Hold what a runner says that came to its end for the present one's; only its goodbye is its own.

        A runner is followed by another once all that it says is in the loop, so that the order is kept.
        """
        speaker = sender if event is ScriptRunnerEvent.SHUTDOWN else self._scriptrunner
        super()._handle_scriptrunner_event_on_event_loop(speaker, event, *args, **kwargs)
