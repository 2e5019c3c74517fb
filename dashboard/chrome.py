"""What every page has around it: navigation, the brand, the chips, the outage notice, and the page's header."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import streamlit as st

from dashboard import live
from dashboard.components.packaged import ASSETS, component
from dashboard.render import clock, plain, zone
from dashboard.workspace import renew, workspace
from helios_core.errors import HeliosError, NotAllowed
from helios_core.services.providers import is_rehearsing
from helios_core.views.needs import needs
from helios_core.views.settings import health
from helios_core.views.users import own_role

PAGES = Path(__file__).parent / "app_pages"

NAVIGATION = {
    "overview": ("Overview", ":material/dashboard:"),
    "gpus": ("GPUs", ":material/memory:"),
    "placement": ("Placement", ":material/view_comfy_alt:"),
    "agents": ("Agents", ":material/groups:"),
    "delegations": ("Delegations", ":material/account_tree:"),
    "conversations": ("Conversations", ":material/forum:"),
    "synthesis": ("Synthesis", ":material/balance:"),
    "alerts": ("Alerts", ":material/notifications:"),
    "settings": ("Settings", ":material/settings:"),
}
"""Each page of app_pages/ by its file's name, in the order of the menu."""


ABOUT = "Helios: mission control for a team of LLM agents on your own GPUs."
"""An entry of our own is what makes Streamlit show its menu, and in it the choice of light, dark, or the system's."""


def draw() -> None:
    """Draw the frame, and the chosen page in it."""
    st.set_page_config(
        page_title="Helios", page_icon="☀️", layout="wide", initial_sidebar_state=216, menu_items={"About": ABOUT}
    )
    st.logo(str(ASSETS / "helios.svg"), size="large")
    page = st.navigation(list(_pages().values()))
    _selected()
    _arrive(page.url_path or "overview")
    with st.sidebar:
        component("frame", isolate_styles=False)(key="frame")
    try:
        recognise()
    except NotAllowed as error:
        closed(str(error))
        return
    except HeliosError:
        pass  # the page says what is wrong, and shows what it knows
    with st.sidebar:
        chips()
    outage()
    try:
        page.run()
    except HeliosError as error:
        live.trouble(error)
        st.button("Try again", icon=":material/refresh:")


def recognise() -> None:
    """Act in the role that the viewer's account has now; NotAllowed where it is switched off, or Helios is for it."""
    if live.shared(own_role) != workspace().principal.role:
        renew()


def closed(why: str) -> None:
    """All that a viewer sees for whom Helios is closed; it opens by itself."""
    st.title("Helios", anchor=False)
    st.info(plain(why), icon=":material/lock:")
    st.caption("Nothing of yours was touched. This page opens by itself as soon as you may work here.")
    wait_until_open()


@st.fragment(run_every=5.0)
def wait_until_open() -> None:
    """Look whether Helios is open to the viewer by now."""
    with suppress(HeliosError):
        recognise()
        st.rerun()


def _pages() -> dict[str, st.Page]:
    return {
        name: st.Page(PAGES / f"{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")
        for name, (title, icon) in NAVIGATION.items()
        if (PAGES / f"{name}.py").exists()
    }


def open_page(name: str, **selection: str | int) -> NoReturn:
    """Go to app_pages/<name>.py, with `selection` in its URL: `open_page("agents", agent="data_analyst")`."""
    parameters = {key: str(value) for key, value in selection.items()}
    st.session_state["opening"] = (name, parameters)
    st.switch_page(PAGES / f"{name}.py", query_params=parameters)


def select(**selection: str | int | None) -> NoReturn:
    """Stay on this page, with `selection` in its URL beside what is there; None takes a name away."""
    st.session_state["selecting"] = st.session_state.get("selecting", {}) | selection
    _into_url({name: value for name, value in selection.items() if name not in st.session_state})
    st.rerun()


def _selected() -> None:
    """Hold what was selected, also where a fragment's refresh at the same moment brought the old URL back.

    Widgets that the URL follows are not drawn yet: they get their value here.
    """
    selection = st.session_state.pop("selecting", {})
    of_widgets = {name: value for name, value in selection.items() if name in st.session_state}
    st.session_state.update(of_widgets)
    _into_url({name: value for name, value in selection.items() if name not in of_widgets})


def _into_url(selection: Mapping[str, str | int | None]) -> None:
    for name, value in selection.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != str(value):
            st.query_params[name] = str(value)


def _arrive(name: str) -> None:
    """Go on to the page that was opened, where a fragment's refresh at the same moment led back to the old one."""
    opened, parameters = st.session_state.pop("opening", (name, {}))
    if opened != name or any(st.query_params.get(key) != value for key, value in parameters.items()):
        st.switch_page(PAGES / f"{opened}.py", query_params=parameters)


def header(title: str, caption: str | None = None, *, ranges: bool = False) -> None:
    """The page's title, and on the right how often it refreshes and, with `ranges`, which range of time it shows.

    `title` and `caption` are Markdown: what is foreign in them has gone through `plain`.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="page_header"):
        st.title(title, anchor=False, width="stretch")
        if ranges:
            st.segmented_control(
                "Range", list(live.RANGES), default=live.DEFAULT_RANGE, required=True, key="range",
                bind="query-params", label_visibility="collapsed", width="content",
            )  # fmt: skip
        st.selectbox(
            "Refresh", list(live.REFRESHES), index=list(live.REFRESHES).index(live.DEFAULT_REFRESH),
            key="refresh", bind="query-params", label_visibility="collapsed", width=86,
            help="How often the figures on this page are read again",
        )  # fmt: skip
    if caption:
        st.caption(caption)


@live.live
def chips() -> None:
    """What holds for every page: whether cards are simulated or answers made up, and who is looking."""
    with st.container(key="chips", gap="small"):
        _still_the_same()
        state = live.shared(health)
        urgent = sum(need.severity == "critical" for need in live.shared(needs))
        if urgent:
            st.badge(f"{urgent} critical", icon=":material/notifications:", color="orange")
        if state.simulated_gpu_count:
            st.badge("simulated cards", icon=":material/science:", color="gray")
        if live.shared(is_rehearsing):
            st.badge("rehearsal answers", icon=":material/theater_comedy:", color="gray")
        st.caption(f"{workspace().principal.role} · this machine · {plain(zone().key)}")


def _still_the_same() -> None:
    """Draw the whole page anew where the viewer's role has changed, or they may not work here any more."""
    try:
        is_same = live.shared(own_role) == workspace().principal.role
    except NotAllowed:
        is_same = False
    if not is_same:
        st.rerun()


@live.live
def outage() -> None:
    """Say once, above the page, that the database is away and how old the figures are."""
    since = live.views.failing_since
    if since is not None:
        st.warning(
            f"The database does not answer since {clock(since)}. What you see is from before; "
            "Helios tries again by itself.",
            icon=":material/cloud_off:",
        )
