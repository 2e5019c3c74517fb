"""Which model servers there are for the agents to ask: which answer, and the form of one."""

from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.chrome import select
from dashboard.components.card import card
from dashboard.components.form_draft import FormDraft, forget_draft, form_draft
from dashboard.live import act, guarded, live, shared, trouble, views
from dashboard.render import date_and_time, plain
from dashboard.theme import sign
from dashboard.workspace import allows, workspace
from helios_core.errors import EditConflict, HeliosError, InvalidInput
from helios_core.services.discovery import list_models
from helios_core.services.permissions import Action
from helios_core.services.providers import EndpointFields, create_endpoint, delete_endpoint, edit_endpoint
from helios_core.views.providers import ModelServer, list_model_servers

TITLES = {name: info.title or name for name, info in EndpointFields.model_fields.items()}
ADDRESSES = {
    "ollama": "http://127.0.0.1:11434",
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
    "huggingface": "https://router.huggingface.co/v1",
}
SPEAKS = {
    "ollama": "Ollama",
    "openai": "OpenAI, vLLM, llama.cpp, LM Studio",
    "anthropic": "Anthropic",
    "google": "Google Gemini",
    "huggingface": "Hugging Face",
}
SOURCES = {
    "none": "none",
    "environment": "a variable of the environment",
    "file": "a file in the data folder",
    "database": "in the database, sealed",
}
NEW: dict[str, Any] = {
    "provider": "ollama", "name": "", "address": "", "is_enabled": True, "allows_link_local": False,
    "key_source": "none", "key_reference": None,
}  # fmt: skip
KEY, REASON = "key", "reason"


def settings_providers() -> None:
    """The model servers, and the form of the one that is chosen, or of a new one."""
    left, right = st.columns([1.3, 1], gap="medium")
    with left, card("providers", "Model servers", "agents' models are asked here and nowhere else"):
        listing()
    with right:
        form()


@live
def listing() -> None:
    """Every model server: where it is, whether it answers, and where its key comes from."""
    found = shared(list_model_servers)
    if found.is_rehearsing:
        st.markdown(
            f"{sign('rehearsal').markdown}: no model server is enabled, so every answer is made up. "
            "Conversations with it are marked; enable a model server, and it is gone."
        )
    elif not any(server.is_enabled for server in found.servers):
        st.markdown("No model server is enabled: no agent can answer.")
    for server in found.servers:
        _one(server)


def _one(server: ModelServer) -> None:
    with st.container(key=f"server_{server.id}"):
        said, way = st.columns([6, 1], vertical_alignment="center")
        said.markdown(
            f"**{plain(server.name)}** :gray[{SPEAKS[server.provider]}] · {_state(server)}  \n"
            f":gray[:small[{plain(server.address)} · {_key(server)}]]"
        )
        if not server.is_rehearsal and way.button("Open", key=f"open_{server.id}", help=f"Open {plain(server.name)}"):
            select(server=server.id)


def _state(server: ModelServer) -> str:
    """Whether it is asked, and what it answers."""
    if server.is_rehearsal:
        return sign("rehearsal").markdown
    if not server.is_enabled:
        return sign("switched_off").markdown
    answered = list_models(workspace(), server.provider)
    if answered.problem is not None:
        return f"{sign('critical').markdown}: {plain(answered.problem)}"
    return f"{sign('ok').markdown}: {formats.plural(len(answered.models), 'model')}"


def _key(server: ModelServer) -> str:
    if server.key_source == "environment":
        return f"key in {plain(server.key_reference or '')}"
    if server.key_source == "file":
        return f"key in the file keys/{plain(server.key_reference or '')}"
    if server.key_source == "database":
        end = f", ends with …{plain(server.key_ends_with)}" if server.key_ends_with else ""
        given = f", given {date_and_time(server.key_given_at)}" if server.key_given_at else ""
        return f"key sealed here{end}{given}"
    return "made up by Helios" if server.is_rehearsal else "no key"


@st.fragment
@guarded
def form() -> None:
    """The form of the model server that the address of the page names, or of a new one."""
    chosen = st.query_params.get("server")
    servers = {str(server.id): server for server in shared(list_model_servers).servers if not server.is_rehearsal}
    server = servers.get(chosen or "")
    name = f"server {server.id}" if server else "server new"
    values = {**({field: getattr(server, field) for field in NEW} if server else NEW), KEY: "", REASON: ""}
    draft = form_draft(name, values, server.updated_at if server else None)
    is_closed = not allows(Action.EDIT_PROVIDERS)
    with card("server", plain(server.name) if server else "Add a model server"):
        _fields(draft, is_closed)
        if is_closed:
            st.caption("You may read this; an operator may change it.")
        else:
            _saving(draft, server, name)


def _fields(draft: FormDraft, is_closed: bool) -> None:
    draft.show("provider", TITLES["provider"], st.selectbox, options=list(SPEAKS), format_func=SPEAKS.__getitem__,
               disabled=is_closed)  # fmt: skip
    draft.show("name", TITLES["name"], st.text_input, max_chars=100, placeholder="How people here call it",
               disabled=is_closed)  # fmt: skip
    draft.show("address", TITLES["address"], st.text_input, placeholder=ADDRESSES[draft.values["provider"]],
               disabled=is_closed)  # fmt: skip
    draft.show("key_source", TITLES["key_source"], st.selectbox, options=list(SOURCES), format_func=SOURCES.__getitem__,
               disabled=is_closed)  # fmt: skip
    source = draft.values["key_source"]
    if source == "database":
        draft.show(KEY, "The key", st.text_input, type="password", autocomplete="off", disabled=is_closed,
                   placeholder="It is sealed, and never shown again",
                   help="Empty leaves the one that is here, unless the address changes")  # fmt: skip
    elif source != "none":
        placeholder = "OPENAI_API_KEY" if source == "environment" else "a name in keys/ of the data folder"
        draft.show("key_reference", "Variable" if source == "environment" else "File", st.text_input,
                   placeholder=placeholder, disabled=is_closed)  # fmt: skip
    left, right = st.columns(2)
    with left:
        draft.show("is_enabled", TITLES["is_enabled"], st.toggle, disabled=is_closed,
                   help="One model server is enabled for each provider")  # fmt: skip
    with right:
        draft.show("allows_link_local", TITLES["allows_link_local"], st.toggle, disabled=is_closed,
                   help="169.254.… and its like: there a cloud hands out the machine's own credentials")  # fmt: skip


def _saving(draft: FormDraft, server: ModelServer | None, name: str) -> None:
    draft.show(REASON, "Reason", st.text_input, placeholder="Why, for those who come later")
    if draft.problem:
        st.warning(plain(draft.problem), icon=":material/error:")
    with st.container(horizontal=True):
        if st.button("Save" if server else "Add", type="primary", disabled=not draft.has_changes):
            _save(draft, server, name)
        if st.button("Discard", disabled=not (draft.has_changes or server)):
            forget_draft(name)
            select(server=None)
        if server is not None and st.button("Remove …", icon=":material/delete:"):
            confirm_removal(server)


def _save(draft: FormDraft, server: ModelServer | None, name: str) -> None:
    draft.refused, draft.problem = {}, None
    values = {field: draft.values[field] for field in NEW} | {"key_reference": draft.values["key_reference"] or None}
    given = {"key": draft.values[KEY] or None, "reason": draft.values[REASON] or None}
    try:
        if server is None:
            act(create_endpoint, values, **given)
        else:
            act(edit_endpoint, server.id, values, draft.seen, **given)
    except EditConflict as error:
        views.forget()
        draft.problem = f"{error} “Discard” takes theirs."
    except InvalidInput as error:
        draft.refused = error.fields
    except HeliosError as error:
        draft.problem = str(error)
    else:
        forget_draft(name)
        select(server=None)
    st.rerun(scope="fragment")


@st.dialog("Remove this model server?")
def confirm_removal(server: ModelServer) -> None:
    """Ask once, then remove."""
    st.markdown(f"**{plain(server.name)}** is asked no more, and its key here is forgotten.")
    reason = st.text_input("Reason", placeholder="Why, for those who come later")
    with st.container(horizontal=True):
        if st.button("Remove", type="primary"):
            try:
                act(delete_endpoint, server.id, server.updated_at, reason or None)
            except HeliosError as error:
                trouble(error)
            else:
                select(server=None)
        if st.button("Keep"):
            st.rerun()
