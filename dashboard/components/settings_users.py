"""Who may work here: the accounts, one of them in a form, and for whom Helios is enabled."""

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.chrome import select
from dashboard.components.account_list import account_list
from dashboard.components.card import card
from dashboard.components.own_profile import own_profile_form
from dashboard.live import act, guarded, live, shared, trouble
from dashboard.render import plain
from dashboard.workspace import allows
from helios_core.errors import HeliosError
from helios_core.services.activation import EVERYBODY_PERCENT, set_enabled_for, set_rollout
from helios_core.services.permissions import Action
from helios_core.services.users import change_role, create_user, set_active
from helios_core.views import users as view
from helios_core.views.users import Account

ROLES = {
    "admin": "admin: everything, also who may do what",
    "operator": "operator: sees and manages everything but users",
    "user": "user: their own agents and conversations",
    "viewer": "viewer: only reads",
}
SAID = {"as the roll-out has it": None, "on": True, "off": False}
WHY = "Why, for those who come later"


def settings_users() -> None:
    """The accounts, and beside them the one that the URL names, or a new one."""
    left, right = st.columns([1.5, 1], gap="medium")
    with left, card("users", "Users"):
        words = st.text_input(
            "Find", key="user_words", type="search", label_visibility="collapsed", placeholder="Find by name or address"
        )
        listing(words or "")
        st.caption(
            "Until there is a sign-in, these pages serve one local operator on this machine and listen nowhere else; "
            "the others come by the REST API, with keys of their own."
        )
    with right:
        chosen = st.query_params.get("user", "")
        if chosen.isdecimal():
            one_account(int(chosen))
        elif allows(Action.EDIT_USERS):
            with card("new_user", "Add a user"):
                new_account()
        with card("activation", "Helios is enabled for"):
            activation()
        if allows(Action.EDIT_PROFILE):
            with card("own_profile", "How others read you"):
                own_profile_form()


@live
def listing(words: str) -> None:
    """The accounts that match."""
    found = shared(view.list_accounts, words)
    if not found.rows:
        st.info("No user matches. Take a word away.", icon=":material/search_off:")
        return
    account_list(found.rows, st.query_params.get("user"))
    if found.total > len(found.rows):
        st.caption(f"{len(found.rows)} of {found.total:,} users. Find the others by their name.")


# One account


@guarded
def one_account(user_id: int) -> None:
    """The form of one account; what the viewer may not change is only told."""
    account = shared(view.find_account, user_id)
    with card("user", plain(account.username), plain(account.email) if account.email else ""):
        if allows(Action.EDIT_ACTIVATION):
            account_form(account)
        else:
            st.markdown(f"{ROLES[account.role]}")
            st.caption("An admin may change what you may do; an operator may switch Helios on or off for you.")
        if st.button("Close", icon=":material/close:", type="tertiary"):
            select(user=None)


def account_form(account: Account) -> None:
    """Role, account and activation; saved in one transaction."""
    may_edit = allows(Action.EDIT_USERS)
    with st.form(f"account_{account.id}_{account.role}_{account.is_active}_{account.said}", border=False):
        role = st.selectbox(
            "Role", list(ROLES), index=list(ROLES).index(account.role), format_func=lambda name: ROLES[name],
            disabled=not may_edit, help=None if may_edit else "Only admins change roles",
        )  # fmt: skip
        is_active = st.toggle("The account is switched on", account.is_active, disabled=not may_edit)
        said = st.segmented_control(
            "Helios for this user", list(SAID), default=_word(account.said), required=True,
            disabled=account.why == "operator", help="Operators always may. Off: Helios answers that it is not enabled "
            "for them, and nothing of theirs is touched",
        )  # fmt: skip
        reason = st.text_input("Reason", placeholder=WHY)
        if st.form_submit_button("Save", type="primary"):
            wanted = replace(account, role=role, is_active=is_active, said=SAID[said or _word(account.said)])
            _finish(_edit, account, wanted, reason or None)


def _edit(session: Any, before: Account, after: Account, reason: str | None) -> None:  # noqa: ANN401 - handed on
    """Do all that differs, in one transaction."""
    if after.role != before.role:
        change_role(session, before.id, after.role, reason, seen={"role": before.role})
    if after.is_active != before.is_active:
        set_active(session, before.id, after.is_active, reason, seen={"is_active": before.is_active})
    if after.said != before.said:
        set_enabled_for(session, before.id, after.said, reason, seen={"is_enabled": before.said})


def _word(said: bool | None) -> str:
    return next(word for word, value in SAID.items() if value is said)


def _finish(use_case: Any, *args: Any, **more: Any) -> None:  # noqa: ANN401 - whatever the use case takes
    """Run the use case, and draw the page anew; or say what is in the way, and keep what was typed."""
    try:
        act(use_case, *args, **more)
    except HeliosError as error:
        trouble(error)
    else:
        st.rerun()


@st.fragment
def new_account() -> None:
    """The form of an account that is to be added."""
    with st.form("new_account", border=False):
        name = st.text_input("Name", max_chars=100, placeholder="The name by which Helios knows them")
        email = st.text_input("Address (if known)", max_chars=320)
        role = st.selectbox("Role", list(ROLES), index=list(ROLES).index("user"), format_func=lambda name: ROLES[name])
        reason = st.text_input("Reason", placeholder=WHY)
        if st.form_submit_button("Add", type="primary"):
            _finish(create_user, name, role, email or None, reason or None)


# Activation


@st.fragment
@guarded
def activation() -> None:
    """The roll-out: whom it is about, whom it reaches now, and whom it would reach."""
    found = shared(view.rollout)
    percent = EVERYBODY_PERCENT if found.percent is None else found.percent
    about = len(found.user_ids)
    st.markdown(
        f"**{percent} %** of the users of whom nothing is said by name: **{found.reached(percent)} of {about}**."
        if found.percent is not None
        else "**Everybody**, as nobody has limited it yet."
    )
    st.caption("Operators always may. What is said of a user by name goes before the roll-out.")
    if not allows(Action.EDIT_ACTIVATION):
        return
    wanted = st.slider("Roll-out (%)", 0, EVERYBODY_PERCENT, percent, step=5, key=f"rollout_{percent}")
    if wanted == percent:
        return
    reached = found.reached(wanted)
    st.markdown(
        f":blue[On for {reached} of {formats.plural(about, 'user')}: {_more(reached - found.reached(percent))}.]"
    )
    reason = st.text_input("Reason", placeholder=WHY, key="rollout_reason")
    if st.button(f"Set to {wanted} %", type="primary"):
        _finish(set_rollout, wanted, reason or None, seen={"rollout_percent": found.percent})


def _more(number: int) -> str:
    if number == 0:
        return "as many as now"
    return f"{abs(number)} {'more' if number > 0 else 'fewer'} than now"
