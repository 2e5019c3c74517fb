"""The question of capacity: how many more agents of a kind fit."""

import streamlit as st

from dashboard import formats
from dashboard.components.packaged import component
from dashboard.components.placement_moves import reasons
from dashboard.live import guarded, shared, trouble
from dashboard.render import plain
from dashboard.workspace import workspace
from helios_core.errors import HeliosError
from helios_core.services.trials import how_many
from helios_core.services.whatif import Capacity, Newcomer
from helios_core.views.agents import list_agents


@st.fragment
@guarded
def capacity_question() -> None:
    """A model, its context or memory, and the answer."""
    with st.expander("Ask about another kind"), st.form("capacity", border=False):
        models = sorted({agent.model_name for agent in shared(list_agents) if agent.model_name})
        model = st.selectbox(
            "Model", models, index=None, accept_new_options=True, placeholder="Choose a model, or type its name"
        )
        left, right = st.columns(2)
        context = left.number_input("Context (tokens)", 1, 10_000_000, None, step=1024, placeholder="the usual")
        memory = right.number_input("Memory (MiB)", 1, None, None, step=256, placeholder="the estimate")
        is_asked = st.form_submit_button("How many more fit?", type="primary")
        if is_asked and model:
            _answer(Newcomer(model, _whole(context), _whole(memory)))
        elif is_asked:
            st.markdown(":orange[▲ Choose a model first, or type its name.]")


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _answer(kind: Newcomer) -> None:
    try:
        found: Capacity = workspace().read(lambda session: how_many(session, kind))
    except HeliosError as error:
        trouble(error)
        return
    st.markdown(f"**{plain(found.sentence[:1].upper() + found.sentence[1:])}**")
    st.caption(f"One takes {formats.memory(found.memory_mib)} alone on a card. Not one more, because:")
    component("reason_list")(key="capacity_reasons", data={"lines": reasons(found.next_one)})
