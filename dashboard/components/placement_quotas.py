"""Quotas: how much memory of all cards together a user's agents may be promised."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.components.card import card
from dashboard.live import act, guarded, shared, trouble
from dashboard.render import date_and_time, plain, short
from dashboard.workspace import allows
from helios_core.errors import HeliosError
from helios_core.services.permissions import Action
from helios_core.services.quotas import remove_quota, set_quota
from helios_core.views.quotas import Quota, list_quotas
from helios_core.views.users import list_accounts

EVERYBODY = "everybody without a quota of their own"
MOST_MIB = 2**31 - 1


def placement_quotas() -> None:
    """The quotas, and the form of one."""
    left, right = st.columns([1.3, 1], gap="medium")
    with left, card("quotas", "Quotas", "agents of all users, the defaults, count for nobody"):
        listing()
    if allows(Action.EDIT_QUOTAS):
        with right, card("quota", "Set a quota"):
            quota_form()


@st.fragment
@guarded
def listing() -> None:
    """Every quota that the viewer may see."""
    quotas = shared(list_quotas)
    if not quotas:
        st.markdown("Nobody has a quota.")
        st.caption("Users' own agents may take what the cards and the rules leave.")
    for quota in quotas:
        _one(quota)


def _one(quota: Quota) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"quota_{quota.user_id}"):
        st.markdown(
            f"**{_whose(quota)}** · at most {formats.memory(quota.max_memory_mib)}  \n"
            f":gray[:small[since {date_and_time(quota.updated_at)}]]",
            width="stretch",
        )
        if allows(Action.EDIT_QUOTAS) and st.button("Remove", key=f"unquota_{quota.user_id}", help="Lifts this quota"):
            _finish(remove_quota, quota.user_id)


def _whose(quota: Quota) -> str:
    return EVERYBODY.capitalize() if quota.user_id is None else plain(quota.username)


@st.fragment
@guarded
def quota_form() -> None:
    """For whom, and how much."""
    names = {account.id: account.username for account in shared(list_accounts).rows}
    with st.form("quota", border=False):
        user = st.selectbox(
            "For", [None, *names], format_func=lambda key: EVERYBODY if key is None else short(names[key], 60)
        )
        memory = st.number_input("Memory (MiB)", 0, MOST_MIB, 8192, step=1024)
        reason = st.text_input("Reason", placeholder="Why, for those who come later")
        if st.form_submit_button("Set the quota", type="primary"):
            _finish(set_quota, user, int(memory), reason or None)
    st.caption("A lower quota takes nothing away; it lets nothing new in.")


def _finish(use_case: Callable[..., object], *args: Any) -> None:  # noqa: ANN401 - whatever the use case takes
    try:
        act(use_case, *args)
    except HeliosError as error:
        trouble(error)
    else:
        st.rerun()
