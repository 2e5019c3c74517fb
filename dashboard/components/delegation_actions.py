"""What a person may do with a delegation of a conversation under way: cancel it, retry it, give it to somebody else."""

from collections.abc import Callable

import streamlit as st

from dashboard.chrome import open_page
from dashboard.live import act, shared
from dashboard.render import plain
from dashboard.workspace import allows
from helios_core.services.delegations import cancel_delegation, reassign_delegation, retry_delegation
from helios_core.services.permissions import Action
from helios_core.views.agents import list_agents
from helios_core.views.delegations import Delegation, delegation
from helios_core.views.runs import may_give_again, progress


def delegation_actions(delegation_id: int) -> None:
    """The buttons that hold for the delegation as it stands now; none where its conversation has ended."""
    row = shared(delegation, delegation_id).delegation
    if row.conversation_id is None or not allows(Action.WORK_IN_CONVERSATIONS):
        return
    run = shared(progress, row.conversation_id)
    if run.state == "ended":
        return
    with st.container(horizontal=True, gap="small", key="delegation_actions"):
        if row.is_under_way:
            _cancel(row)
        if may_give_again(run.phase):
            if not row.is_under_way:
                _retry(row)
            _reassign(row)


def _cancel(row: Delegation) -> None:
    with st.popover("Cancel", icon=":material/stop_circle:", width="content", key="cancelling"):
        st.markdown("This ends the task without an answer; the others go on.")
        if st.button("Cancel it", type="primary", key="cancel_delegation"):
            act(cancel_delegation, row.id)
            st.rerun()


def _retry(row: Delegation) -> None:
    if st.button("Retry", icon=":material/replay:", key="retry", help="The same expert tries once more"):
        _go_on_with(lambda: act(retry_delegation, row.id))


def _reassign(row: Delegation) -> None:
    others = {agent.agent_id: agent.name for agent in shared(list_agents) if agent.is_enabled}
    for taken in (row.target_agent_id, row.pm_agent_id):
        others.pop(taken, None)
    with st.popover("Reassign", icon=":material/swap_horiz:", width="content", key="reassigning"):
        agent_id = st.selectbox(
            "To whom?", list(others), key="reassign_to", format_func=lambda chosen: plain(others.get(chosen, chosen))
        )
        if st.button("Reassign it", type="primary", key="reassign") and agent_id is not None:
            _go_on_with(lambda: act(reassign_delegation, row.id, agent_id))


def _go_on_with(give_again: Callable[[], int]) -> None:
    """Do it, and show the new attempt."""
    open_page("delegations", delegation=give_again())
