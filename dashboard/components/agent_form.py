"""The form of an agent's configuration: every field, where the agent fits with it, and saving."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import formats
from dashboard.components.agent_draft import REASON, Draft, discard, draft_of, rebase, save
from dashboard.components.card import card
from dashboard.components.card_fits import card_fits
from dashboard.components.changes import counts, in_brief, show_change, shown
from dashboard.components.form_draft import beginning_with
from dashboard.live import live, shared, trouble
from dashboard.render import date_and_time, plain
from dashboard.workspace import workspace
from helios_core.errors import HeliosError
from helios_core.services.configurations import ConfigurationFields, differences
from helios_core.services.discovery import Listing, list_models
from helios_core.views import configurations as view
from helios_core.views.configurations import ConfigurationForm, Fits

TITLES = {name: info.title or name for name, info in ConfigurationFields.model_fields.items()}
RECENT_VERSIONS = 5


@st.fragment
def agent_form(agent_id: str) -> None:
    """The form, and beside it where the agent fits and what was saved lately."""
    try:
        form = shared(view.configuration_form, agent_id)
    except HeliosError as error:
        trouble(error)
        return
    draft = draft_of(form)
    left, right = st.columns([2.1, 1], gap="medium")
    with left:
        whose = "the default of all users" if form.edits_default else "your own, beside the default"
        with card("configuration", "Configuration", f"version {draft.base.version} · {whose}"):
            _fields(draft)
            _saving(draft, form)
        newer = st.empty()
        if draft.base.version != form.version:
            with newer.container():
                _newer(draft, form)
    with right:
        with card("where_it_fits", "Where it fits", "with what is typed here"):
            fits_panel(draft)
        with card("recent_versions", "Versions"):
            recent_versions(agent_id)


# Fields


def _fields(draft: Draft) -> None:
    provider, model = st.columns([1, 2])
    with provider:
        _field(draft, "model_provider", st.selectbox, options=draft.base.models)
    with model:
        listing = list_models(workspace(), draft.values["model_provider"])
        _field(
            draft, "assigned_llm", st.selectbox, options=_suggested(draft, listing), accept_new_options=True,
            note=_listed(listing), placeholder="Choose a model, or type its name",
            help="Any model that the provider serves; type its name",
        )  # fmt: skip
    _field(draft, "system_prompt", st.text_area, height=320)
    _field(draft, "constraints", st.text_area, height=110, help="A JSON object that the agent is given with each task")
    gpu, memory, context, temperature = st.columns(4)
    known = [fit.gpu_id for fit in _fits(draft).cards]
    with gpu:
        _field(draft, "gpu_assignment", st.selectbox, options=[None, *known], format_func=_gpu)
        if len(known) > 1 or draft.values["further_gpu_ids"]:
            _field(
                draft, "further_gpu_ids", st.multiselect, options=known, format_func=_gpu, placeholder="none",
                help="Where a model that may be split is divided over several cards of one host",
            )  # fmt: skip
    with memory:
        _field(
            draft, "allocated_memory_mb", st.number_input, step=256, placeholder="the estimate", note=_estimate(draft)
        )
    with context:
        _field(draft, "context_tokens", st.number_input, step=1024, placeholder="the server's own")
    with temperature:
        _field(draft, "temperature", st.number_input, step=0.1, format="%.2f", placeholder="the model's own")
    timeout, retries, priority, enabled = st.columns(4)
    with timeout:
        _field(draft, "timeout_seconds", st.number_input, step=10, help="How long one answer may take")
    with retries:
        _field(draft, "max_retries", st.number_input, step=1)
    with priority:
        _field(draft, "priority", st.number_input, step=1, help="10 is served first, 1 last")
    with enabled:
        st.container(height=26, border=False)
        _field(draft, "is_enabled", st.toggle, help="Off: it gets no work, and no GPU memory is promised to it")


def _suggested(draft: Draft, listing: Listing) -> tuple[str, ...]:
    """The provider's own list; what agents use where there is none, and in a rehearsal, which takes any name."""
    if listing.problem is not None or listing.is_rehearsal:
        return draft.base.models.get(draft.values["model_provider"], ())
    return tuple(model.name for model in listing.models)


def _listed(listing: Listing) -> str:
    """Where the list of models is from, or why there is none."""
    if listing.problem is not None:
        return f":orange[▲ {plain(listing.problem)}] Type the model's name, or choose one that agents use."
    if listing.is_rehearsal:
        return "In the rehearsal every name is answered; these are names that agents use."
    return f"{formats.plural(len(listing.models), 'model')} listed by {plain(listing.server or '')}"


def _field(draft: Draft, name: str, widget: Any, *, note: str = "", **options: Any) -> None:  # noqa: ANN401 - a widget
    """A widget with its title; below it what was refused, else what it was before, and a note.

    A line below has its place even where there is none: one that comes or goes among the fields would make the browser
    build those after it anew, and forget what is being typed there.
    """
    options |= {"key": draft.key(name), "on_change": draft.note, "args": (name,), "disabled": not draft.base.may_edit}
    with st.container(gap="xsmall"):
        widget(TITLES[name], **beginning_with(draft.values[name], options))
        line = st.empty()
        change = next((change for change in draft.changes() if change.field == name), None)
        if name in draft.refused:
            line.markdown(f":small[:orange[▲ {plain(draft.refused[name])}]]")
        elif change is not None:
            line.markdown(f":small[:blue[{_was(name, change.before, change.after)}]]")
        if note:
            st.caption(note)


def _was(name: str, before: Any, after: Any) -> str:  # noqa: ANN401 - any JSON
    if name == "system_prompt":
        added, removed = counts(str(before or ""), str(after or ""))
        return f"changed: +{added} −{removed} lines"
    if name == "constraints":
        return "changed"
    return f"was {plain(shown(name, before))}"


def _gpu(gpu_id: int | None) -> str:
    return "none" if gpu_id is None else f"GPU {gpu_id}"


def _fits(draft: Draft) -> Fits:
    """Where the agent fits with what is typed."""
    typed = draft.values
    return shared(
        view.card_fits,
        draft.agent_id,
        provider=typed["model_provider"],
        model_name=typed["assigned_llm"] or "",
        context_tokens=_positive(typed["context_tokens"]),
        memory_mb=_positive(typed["allocated_memory_mb"]),
        on_cards=1 + len(set(typed["further_gpu_ids"]) - {typed["gpu_assignment"]}),
    )


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None


def _estimate(draft: Draft) -> str:
    found = _fits(draft).estimate
    return f"estimated {found.reservation_mib:,} MiB" if found else "estimate unknown for this model"


# Beside the form


@live
def fits_panel(draft: Draft) -> None:
    """Each card with what is promised of it, and what this draft would add."""
    found = _fits(draft)
    provider = draft.values["model_provider"]
    if provider not in {"ollama", "huggingface"}:
        st.caption(f"{plain(provider).title()} computes elsewhere: this agent needs no GPU.")
        return
    if not found.cards:
        st.caption("No GPU is known yet. A collector adds cards at its first reading: `helios collect`.")
        return
    card_fits(found.cards, (draft.values["gpu_assignment"], *draft.values["further_gpu_ids"]))
    if found.estimate is not None:
        parts = found.estimate
        st.caption(
            f"Estimate: weights {parts.weights_mib:,.0f} + KV cache {parts.kv_mib:,.0f} + "
            f"compute {parts.compute_mib:,.0f} + overhead {parts.overhead_mib:,.0f} MiB"
        )


@live
def recent_versions(agent_id: str) -> None:
    """The newest versions: why, by whom and when."""
    for version in shared(view.versions, agent_id)[:RECENT_VERSIONS]:
        said = version.reason or ", ".join(map(in_brief, version.changes)) or "first version"
        saved = f"{plain(version.saved_by)}, {date_and_time(version.saved_at)}"
        st.markdown(f"**v{version.version}** {plain(said, 120)}  \n:gray[:small[{saved}]]")


# Saving


def _saving(draft: Draft, form: ConfigurationForm) -> None:
    changes = draft.changes()
    _outcome(st.empty(), draft, form, bool(changes))
    st.text_input(
        "Reason", value=draft.values[REASON], key=draft.key(REASON), on_change=draft.note, args=(REASON,),
        placeholder="Why, for those who come later", label_visibility="collapsed", disabled=not draft.base.may_edit,
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":gray[{_state(draft, form, len(changes))}]", width="stretch")
        st.button("Discard", on_click=discard, args=(form,), disabled=not changes)
        st.button(
            f"Save as version {form.version + 1}", type="primary", on_click=save, args=(draft,),
            disabled=not changes or draft.base.version != form.version,
        )  # fmt: skip


def _outcome(line: DeltaGenerator, draft: Draft, form: ConfigurationForm, has_changes: bool) -> None:
    """What became of the last attempt to save."""
    if not draft.base.may_edit:
        line.caption("You may read this configuration; an operator may change it.")
    elif draft.problem and draft.base.version == form.version:
        line.warning(plain(draft.problem), icon=":material/error:")
    elif draft.refused:
        line.warning("Nothing was saved: see the marked fields.", icon=":material/error:")
    elif draft.saved_version is not None and not has_changes:
        line.success(f"Saved as version {draft.saved_version}.", icon=":material/check:")


def _state(draft: Draft, form: ConfigurationForm, changes: int) -> str:
    said = formats.plural(changes, "unsaved change") if changes else "no unsaved changes"
    if draft.base.version != form.version:
        return f"{said} · version {form.version} came meanwhile, see below"
    return f"{said} · nobody else has saved since version {form.version}"


def _newer(draft: Draft, form: ConfigurationForm) -> None:
    """Somebody saved meanwhile: both sides, and the choice between them."""
    mine = {change.field: change for change in draft.changes()}
    theirs = {change.field: change for change in differences(draft.base.values, form.values)}
    surface = card(
        "newer",
        f"Version {form.version} was saved meanwhile",
        f"{plain(form.saved_by)}, {date_and_time(form.saved_at)}",
    )
    with surface:
        yours, other = st.columns(2)
        with yours:
            st.markdown(f"**Yours** :gray[{formats.plural(len(mine), 'change')} to version {draft.base.version}]")
            for change in mine.values():
                show_change(change)
        with other:
            st.markdown(f"**Theirs** :gray[{formats.plural(len(theirs), 'change')}]")
            for change in theirs.values():
                show_change(change)
        both = [TITLES[name] for name in mine if name in theirs]
        clash = f"Both of you changed {', '.join(both)}: yours would win. " if both else ""
        st.caption(f"{clash}Keeping yours leaves their other changes as they are; nothing is saved before you save.")
        with st.container(horizontal=True):
            st.button("Keep mine, on top of theirs", type="primary", on_click=rebase, args=(draft, form))
            st.button("Take theirs", on_click=discard, args=(form,))
