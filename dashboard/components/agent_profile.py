"""An agent at a glance: who it is, what it does now, and how it is configured."""

import streamlit as st

from dashboard import formats
from dashboard.chrome import open_page
from dashboard.components.agent_cards import place
from dashboard.components.card import card
from dashboard.components.facts import Fact, facts
from dashboard.live import live, shared
from dashboard.render import clean, date_and_time, message, plain
from dashboard.theme import sign
from helios_core.views.agents import Agent, Task, find_agent, performance
from helios_core.views.configurations import ConfigurationForm, configuration_form


def agent_profile(agent_id: str) -> None:
    """The overview of one agent."""
    left, right = st.columns([1, 1.35], gap="medium")
    with left:
        with card("work", "Now"):
            work(agent_id)
        with card("profile", "Profile"):
            profile(agent_id)
        with card("configured", "Configured"):
            configured(agent_id)
    with right, card("prompt", "System prompt"):
        prompt(agent_id)


@live
def work(agent_id: str) -> None:
    """The agent's task, and what came of its newest ones."""
    agent = shared(find_agent, agent_id)
    if agent.task is None:
        st.markdown("No delegation is open.")
    elif st.button(plain(_task(agent.task), 160), type="tertiary", icon=":material/account_tree:"):
        open_page("delegations", delegation=agent.task.delegation_id)
    counts = shared(performance, agent_id).delegations
    if counts:
        said = " · ".join(f"{sign(status).markdown} {number}" for status, number in sorted(counts.items()))
        st.markdown(f":small[:gray[Of its newest {formats.plural(sum(counts.values()), 'delegation')}:] {said}]")
    else:
        st.caption("It has not been given a delegation yet.")


def _task(task: Task) -> str:
    if task.is_waiting:
        return f"waits: {task.description}"
    done = f" · {task.progress_percent} %" if task.progress_percent is not None else ""
    return f"{task.description}{done}"


@live
def profile(agent_id: str) -> None:
    """What the agent is for."""
    agent = shared(find_agent, agent_id)
    facts("profile", [
        Fact("Status", "", _note(agent), sign(agent.status)),
        Fact("Role", "", agent.description or formats.NA),
        Fact("Capabilities", "", ", ".join(map(formats.words, agent.capabilities)) or formats.NA),
        Fact("Last active", date_and_time(agent.last_active_at)),
        Fact("Id", "", agent.agent_id),
    ])  # fmt: skip


def _note(agent: Agent) -> str:
    since = f"since {date_and_time(agent.status_since)}" if agent.status_since else ""
    return " · ".join(filter(None, [clean(agent.status_note) if agent.status_note else "", since]))


@live
def configured(agent_id: str) -> None:
    """The configuration that holds, in brief."""
    agent, form = shared(find_agent, agent_id), shared(configuration_form, agent_id)
    facts("configured", _facts(agent, form))


def _facts(agent: Agent, form: ConfigurationForm) -> list[Fact]:
    values = form.values
    whose = "your own, beside the default" if form.is_own else "the default of all users"
    return [
        Fact("Version", f"v{form.version}", f"{form.saved_by}, {date_and_time(form.saved_at)} · {whose}"),
        Fact("Model", values["assigned_llm"], values["model_provider"]),
        Fact("GPU", place(agent), formats.memory(values["allocated_memory_mb"])),
        Fact("Context", formats.NA if values["context_tokens"] is None else f"{values['context_tokens']:,} tokens"),
        Fact("Temperature", formats.NA if values["temperature"] is None else f"{values['temperature']:g}"),
        Fact("Timeout", formats.duration(values["timeout_seconds"]),
             formats.plural(values["max_retries"], "retry", "retries")),
        Fact("Priority", f"{values['priority']} of 10"),
    ]  # fmt: skip


@live
def prompt(agent_id: str) -> None:
    """What the agent is told before anything else."""
    message(shared(configuration_form, agent_id).values["system_prompt"])
