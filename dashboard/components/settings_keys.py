"""Keys to the REST API: which there are, a new one, and the end of one."""

from datetime import UTC, datetime

import streamlit as st

from dashboard import formats
from dashboard.components.card import card
from dashboard.live import act, guarded, shared, trouble
from dashboard.render import date_and_time, plain, short
from dashboard.theme import sign
from dashboard.workspace import allows, workspace
from helios_core.errors import HeliosError
from helios_core.services.keys import LONGEST_DAYS, IssuedKey, Scope, create_key, revoke_key
from helios_core.services.permissions import Action
from helios_core.views.keys import Key, list_keys
from helios_core.views.users import list_accounts

SCOPES = {
    Scope.READ: "read: look, and change nothing",
    Scope.WRITE: "write: what its user may do on these pages",
    Scope.ADMIN: "admin: also users, rules and what holds for all",
}
DEFAULT_DAYS = 90
ENDED = {"revoked", "expired"}


def settings_keys() -> None:
    """The keys, and the form of a new one."""
    left, right = st.columns([1.5, 1], gap="medium")
    with left, card("keys", "Keys to the REST API"):
        listing()
    if allows(Action.KEEP_KEYS):
        with right, card("new_key", "Make a key"):
            new_key()


@st.fragment
@guarded
def listing() -> None:
    """Every key that the viewer may see, those that are over only on request."""
    keys = shared(list_keys)
    over = [key for key in keys if key.state in ENDED]
    if not keys:
        st.markdown("There is no key yet.")
        st.caption("A program needs one, on this machine too: `Authorization: Bearer hel_…`. See /api/docs.")
        return
    shows_all = bool(over) and st.toggle(f"Show {formats.plural(len(over), 'ended key')}", key="ended_keys")
    for key in keys:
        if shows_all or key not in over:
            _one(key)


def _one(key: Key) -> None:
    now = datetime.now(UTC)
    used = "never used" if key.last_used_at is None else f"used {formats.age(key.last_used_at, now)}"
    ends = f"until {date_and_time(key.expires_at)}" if key.expires_at else "without an end"
    with st.container(horizontal=True, vertical_alignment="center", key=f"key_{key.key_id}"):
        st.markdown(
            f"**{plain(key.name)}** :gray[of {plain(key.username)}] · {sign(key.state.replace(' ', '_')).markdown}  \n"
            f":gray[:small[{key.scope} · `hel_{plain(key.key_id)}_…` · made {date_and_time(key.created_at)} · "
            f"{ends} · {used}]]",
            width="stretch",
        )
        if (
            key.state not in ENDED
            and allows(Action.KEEP_KEYS)
            and st.button("Revoke …", key=f"revoke_{key.key_id}", help=f"Revoke {plain(key.name)}")
        ):
            confirm_revocation(key)


@st.dialog("Revoke this key?")
def confirm_revocation(key: Key) -> None:
    """Ask once, then revoke."""
    st.markdown(f"**{plain(key.name)}** of {plain(key.username)} opens nothing any more, at once and for ever.")
    reason = st.text_input("Reason", placeholder="Why, for those who come later")
    with st.container(horizontal=True):
        if st.button("Revoke", type="primary"):
            _revoke(key, reason)
        if st.button("Keep"):
            st.rerun()


def _revoke(key: Key, reason: str) -> None:
    try:
        act(revoke_key, key.key_id, reason or None)
    except HeliosError as error:
        trouble(error)
    else:
        st.rerun()


@st.fragment
@guarded
def new_key() -> None:
    """What the key is called, what it opens, for how long, and whose it is."""
    with st.form("new_key", border=False):
        name = st.text_input("Name", max_chars=100, placeholder="What it is for")
        scope = st.selectbox("Scope", tuple(SCOPES), format_func=SCOPES.__getitem__)
        days = st.number_input("Days", 1, LONGEST_DAYS, DEFAULT_DAYS, help=f"At most {LONGEST_DAYS}")
        owner = _owner() if allows(Action.EDIT_USERS) else None
        if st.form_submit_button("Make the key", type="primary"):
            _make(name, scope, int(days), owner)


def _owner() -> int | None:
    """Whose key it is: an admin makes them for others, too."""
    names = {account.id: account.username for account in shared(list_accounts).rows}
    own = workspace().principal.user_id
    ids = sorted(names, key=lambda user_id: (user_id != own, names[user_id]))
    return st.selectbox("Of", ids, format_func=lambda user_id: short(names[user_id], 60))


def _make(name: str, scope: Scope, days: int, owner: int | None) -> None:
    try:
        issued = act(create_key, name, scope, days, owner)
    except HeliosError as error:
        trouble(error)
    else:
        show_once(issued)


@st.dialog("Copy the key now", width="medium", on_dismiss="rerun")
def show_once(issued: IssuedKey) -> None:
    """The key itself: this is the only time that it is shown."""
    st.markdown("It is not stored and cannot be shown again.")
    st.code(issued.text, language=None, wrap_lines=True)
    st.caption(f"Good until {date_and_time(issued.expires_at)}.")
    if st.button("I have copied it", type="primary"):
        st.rerun()
