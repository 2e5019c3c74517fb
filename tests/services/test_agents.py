"""Saving agents: validation, versions, conflicts, promises of GPU memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import DuplicateEntry, EditConflict, HeliosError, InvalidInput, NotAllowed, NotFound
from helios_core.models import (
    AgentConfiguration,
    AgentConfigurationVersion,
    GPUAllocation,
    GPUResource,
    ModelProvider,
)
from helios_core.services import agents
from helios_core.services.configurations import ConfigurationFields
from helios_core.services.promises import Need, portions
from helios_core.services.workspace import Workspace

VALUES = {
    "model_provider": "ollama",
    "assigned_llm": "llama3.1:8b",
    "system_prompt": "You test.",
    "context_tokens": 8192,
}
WHOLE_MIB, KV_MIB = 6198, 1025


@pytest.fixture
def cards(database: Database) -> list[int]:
    """Two cards of 12,212 MiB."""
    with database.session(SYSTEM) as session:
        found = [
            GPUResource(uuid=f"GPU-{number}", name="TITAN", host="here", total_memory_mb=12212) for number in range(2)
        ]
        session.add_all(found)
        session.commit()
        return [card.id for card in found]


@pytest.fixture
def tester(workspace: Workspace) -> str:
    """An agent that anybody may try things on."""
    return create(workspace, "tester")


def create(workspace: Workspace, agent_id: str, **values: object) -> str:
    workspace.act(lambda session: agents.create_agent(session, agent_id, agent_id.title(), {**VALUES, **values}))
    return agent_id


def save(workspace: Workspace, agent_id: str, version: int, **changes: object) -> agents.SavedConfiguration:
    return workspace.act(lambda session: agents.save_configuration(session, agent_id, changes, version))


def promised(workspace: Workspace) -> dict[str, tuple[int, int]]:
    """What is promised now: the card and the MiB by agent."""
    live = select(GPUAllocation).where(GPUAllocation.released_at.is_(None))
    return {
        allocation.agent_id: (allocation.gpu_id, allocation.allocated_memory_mb)
        for allocation in workspace.read(lambda session: session.scalars(live).all())
    }


def stored(workspace: Workspace, agent_id: str) -> AgentConfiguration:
    return workspace.read(
        lambda session: session.scalars(select(AgentConfiguration).where(AgentConfiguration.agent_id == agent_id)).one()
    )


def test_each_save_is_a_version_with_a_snapshot_and_an_author(workspace: Workspace, tester: str) -> None:
    saved = workspace.act(
        lambda session: agents.save_configuration(
            session, tester, {"timeout_seconds": 90, "system_prompt": "Be brief."}, 1, "too slow"
        )
    )
    assert saved.version == 2
    assert [(change.title, change.before, change.after) for change in saved.changes] == [
        ("System prompt", "You test.", "Be brief."),
        ("Timeout (s)", 120, 90),
    ]
    versions = workspace.read(
        lambda session: session.scalars(
            select(AgentConfigurationVersion).order_by(AgentConfigurationVersion.version)
        ).all()
    )
    assert [version.version for version in versions] == [1, 2]
    assert versions[0].snapshot["timeout_seconds"] == 120
    assert versions[1].snapshot == ConfigurationFields.of(stored(workspace, tester)).snapshot()
    assert (versions[1].changed_by, versions[1].reason) == (workspace.principal.user_id, "too slow")


def test_a_save_without_changes_makes_no_version(workspace: Workspace, tester: str) -> None:
    assert save(workspace, tester, 1, timeout_seconds=120) == agents.SavedConfiguration(tester, 1, ())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_provider", "mistralai"),
        ("assigned_llm", "   "),
        ("assigned_llm", "x" * 201),
        ("assigned_llm", "llama\x07"),
        ("system_prompt", ""),
        ("system_prompt", "nul \x00 nul"),
        ("gpu_assignment", -1),
        ("gpu_assignment", 999),
        ("allocated_memory_mb", 0),
        ("allocated_memory_mb", 2**31),
        ("context_tokens", 0),
        ("temperature", 2.1),
        ("temperature", float("nan")),
        ("timeout_seconds", 0),
        ("timeout_seconds", 86_401),
        ("timeout_seconds", "90"),
        ("timeout_seconds", None),
        ("max_retries", 11),
        ("max_retries", True),
        ("priority", 0),
        ("priority", 5.5),
        ("constraints", "{"),
        ("constraints", "[1]"),
        ("constraints", '{"limit": NaN}'),
        ("constraints", '{"text": "\\u0000"}'),
        ("is_enabled", "yes"),
        ("colour", "blue"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence_beside_its_field(
    workspace: Workspace, tester: str, field: str, value: object
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        save(workspace, tester, 1, **{field: value})
    assert list(refusal.value.fields) == [field]
    assert refusal.value.fields[field].endswith(".")
    assert stored(workspace, tester).version == 1


def test_all_refused_fields_are_named_at_once(workspace: Workspace, tester: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        save(workspace, tester, 1, timeout_seconds=0, priority=11, constraints="{")
    assert set(refusal.value.fields) == {"timeout_seconds", "priority", "constraints"}
    assert "line 1, column 2" in refusal.value.fields["constraints"]


def test_constraints_may_come_as_json_text(workspace: Workspace, tester: str) -> None:
    save(workspace, tester, 1, constraints='{"max_research_depth": 3}')
    assert stored(workspace, tester).constraints == {"max_research_depth": 3}


@given(
    st.dictionaries(st.sampled_from(sorted(ConfigurationFields.model_fields)), st.none() | st.text() | st.integers())
)
@settings(max_examples=200)
def test_whatever_is_typed_is_valid_or_refused_field_by_field(values: dict[str, object]) -> None:
    refused = refused_fields({**VALUES, **values})
    assert refused <= set(values)
    assert {"timeout_seconds", "max_retries", "priority"} & {
        f for f, value in values.items() if value is None
    } <= refused


def refused_fields(values: dict[str, object]) -> set[str]:
    try:
        ConfigurationFields.validated(values)
    except InvalidInput as refusal:
        return set(refusal.fields)
    return set()


def test_a_save_over_somebody_elses_newer_version_says_who_changed_what(workspace: Workspace, tester: str) -> None:
    save(workspace, tester, 1, timeout_seconds=90)
    with pytest.raises(
        EditConflict, match=r"^olga saved version 2 at .* UTC, after you opened version 1\. Changed since: Timeout"
    ):
        save(workspace, tester, 1, system_prompt="Mine.")
    assert stored(workspace, tester).system_prompt == "You test."
    assert save(workspace, tester, 2, system_prompt="Mine.").version == 3


def test_of_two_saves_at_once_one_wins_and_one_is_told(workspace: Workspace, tester: str) -> None:
    outcomes = at_once(
        lambda: save(workspace, tester, 1, timeout_seconds=60), lambda: save(workspace, tester, 1, timeout_seconds=61)
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EditConflict", "SavedConfiguration"]
    assert stored(workspace, tester).version == 2


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What became of acts that begin together: results, or Helios's refusals."""
    start = Barrier(len(acts))

    def act(use_case: Callable[[], object]) -> object:
        start.wait()
        try:
            return use_case()
        except HeliosError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def test_rolling_back_is_a_new_version(workspace: Workspace, tester: str) -> None:
    save(workspace, tester, 1, timeout_seconds=90, temperature=0.5)
    saved = workspace.act(lambda session: agents.roll_back(session, tester, 1, expected_version=2))
    assert saved.version == 3
    assert (stored(workspace, tester).timeout_seconds, stored(workspace, tester).temperature) == (120, None)
    with pytest.raises(NotFound, match="no version 7"):
        workspace.act(lambda session: agents.roll_back(session, tester, 7, expected_version=3))


def test_an_unknown_agent_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="no agent nobody"):
        save(workspace, "nobody", 1, timeout_seconds=90)


def test_an_agent_exists_once(workspace: Workspace, tester: str) -> None:
    with pytest.raises(DuplicateEntry, match="tester already"):
        create(workspace, tester)


def test_an_id_that_cannot_be_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create(workspace, "Project Manager")
    assert list(refusal.value.fields) == ["agent_id"]


# Users beside the default


def test_a_user_edits_a_configuration_of_their_own(
    workspace: Workspace, tester: str, member: Principal, other_member: Principal
) -> None:
    mine = workspace.on_behalf_of(member)
    assert save(mine, tester, 1, timeout_seconds=30).version == 2
    assert save(mine, tester, 2, timeout_seconds=31).version == 3
    timeouts = select(AgentConfiguration.user_id, AgentConfiguration.timeout_seconds)
    assert dict(workspace.read(lambda session: session.execute(timeouts).all())) == {None: 120, member.user_id: 31}
    with pytest.raises(EditConflict):
        save(workspace.on_behalf_of(other_member), tester, 3, timeout_seconds=32)


def test_a_users_first_save_is_no_blank_cheque_for_their_second_tab(
    workspace: Workspace, tester: str, member: Principal
) -> None:
    mine = workspace.on_behalf_of(member)
    save(mine, tester, 1, timeout_seconds=30)
    with pytest.raises(EditConflict):
        save(mine, tester, 1, timeout_seconds=31)


def test_two_first_saves_of_one_user_at_once_make_one_configuration(
    workspace: Workspace, tester: str, member: Principal
) -> None:
    mine = workspace.on_behalf_of(member)
    outcomes = at_once(
        lambda: save(mine, tester, 1, timeout_seconds=60), lambda: save(mine, tester, 1, timeout_seconds=61)
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EditConflict", "SavedConfiguration"]


def test_viewers_save_nothing_and_users_add_no_agents(workspace: Workspace, tester: str, member: Principal) -> None:
    viewer = workspace.on_behalf_of(Principal(user_id=member.user_id, role="viewer"))
    with pytest.raises(NotAllowed, match="Viewers may not edit configurations; ask an operator"):
        save(viewer, tester, 1, timeout_seconds=30)
    with pytest.raises(NotAllowed, match="Users may not add agents; ask an operator"):
        create(workspace.on_behalf_of(member), "mine")


# Promises


def test_a_card_is_promised_what_the_estimate_says(workspace: Workspace, tester: str, cards: list[int]) -> None:
    save(workspace, tester, 1, gpu_assignment=cards[0])
    assert promised(workspace) == {"tester": (cards[0], WHOLE_MIB)}


def test_agents_on_one_model_share_its_weights_and_the_next_pays_when_the_first_leaves(
    workspace: Workspace, cards: list[int]
) -> None:
    for agent_id in ("first", "second", "third"):
        create(workspace, agent_id, gpu_assignment=cards[0])
    assert promised(workspace) == {
        "first": (cards[0], WHOLE_MIB),
        "second": (cards[0], KV_MIB),
        "third": (cards[0], KV_MIB),
    }
    save(workspace, "first", 1, gpu_assignment=cards[1])
    assert promised(workspace) == {
        "first": (cards[1], WHOLE_MIB),
        "second": (cards[0], WHOLE_MIB),
        "third": (cards[0], KV_MIB),
    }


def test_another_context_is_another_loaded_model(workspace: Workspace, cards: list[int]) -> None:
    create(workspace, "first", gpu_assignment=cards[0])
    create(workspace, "second", gpu_assignment=cards[0], context_tokens=4096)
    assert promised(workspace)["second"] == (cards[0], WHOLE_MIB - 512)


def test_what_does_not_fit_is_refused_with_both_figures(workspace: Workspace, cards: list[int]) -> None:
    create(workspace, "first", gpu_assignment=cards[1])
    with pytest.raises(InvalidInput) as refusal:
        create(workspace, "second", gpu_assignment=cards[1], assigned_llm="qwen2.5:7b", allocated_memory_mb=7578)
    assert refusal.value.fields == {"gpu_assignment": f"GPU {cards[1]} has 5.9 of 11.9 GiB free; this agent needs 7.4."}
    assert list(promised(workspace)) == ["first"]


def test_a_model_of_unknown_size_needs_a_figure(workspace: Workspace, tester: str, cards: list[int]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        save(workspace, tester, 1, gpu_assignment=cards[0], assigned_llm="phi4:14b")
    assert list(refusal.value.fields) == ["allocated_memory_mb"]


def test_a_lost_card_takes_nothing_new(workspace: Workspace, database: Database, tester: str, cards: list[int]) -> None:
    create(workspace, "there", gpu_assignment=cards[0])
    with database.session(SYSTEM) as session:
        session.get_one(GPUResource, cards[0]).health = "lost"
        session.commit()
    with pytest.raises(InvalidInput, match=f"GPU {cards[0]} is lost"):
        save(workspace, tester, 1, gpu_assignment=cards[0])
    assert save(workspace, "there", 1, context_tokens=4096).version == 2


def test_an_agent_that_is_off_holds_nothing(workspace: Workspace, tester: str, cards: list[int]) -> None:
    save(workspace, tester, 1, gpu_assignment=cards[0])
    workspace.act(lambda session: agents.set_enabled(session, tester, False))
    assert promised(workspace) == {}
    released = workspace.read(lambda session: session.scalars(select(GPUAllocation.release_reason)).all())
    assert released == ["agent switched off"]
    workspace.act(lambda session: agents.set_enabled(session, tester, True))
    assert promised(workspace) == {"tester": (cards[0], WHOLE_MIB)}


def test_sixteen_saves_at_once_never_promise_memory_twice(workspace: Workspace, cards: list[int]) -> None:
    names = [f"agent_{number}" for number in range(16)]
    for name in names:
        create(workspace, name, assigned_llm="phi4:14b", allocated_memory_mb=3000)
    outcomes = at_once(*(lambda name=name: save(workspace, name, 1, gpu_assignment=cards[0]) for name in names))
    assert sum(isinstance(outcome, agents.SavedConfiguration) for outcome in outcomes) == 4
    total = select(func.sum(GPUAllocation.allocated_memory_mb)).where(GPUAllocation.released_at.is_(None))
    assert workspace.read(lambda session: session.scalar(total)) == 12000


def test_a_users_promise_counts_what_others_were_promised_but_shows_them_nothing(
    workspace: Workspace, tester: str, member: Principal, cards: list[int]
) -> None:
    create(workspace, "theirs", gpu_assignment=cards[0], allocated_memory_mb=9000)
    mine = workspace.on_behalf_of(member)
    with pytest.raises(InvalidInput, match=r"3\.1 of 11\.9 GiB free"):
        save(mine, tester, 1, gpu_assignment=cards[0])
    save(mine, tester, 1, gpu_assignment=cards[1])
    assert promised(mine) == {"tester": (cards[1], WHOLE_MIB)}
    assert set(promised(workspace)) == {"theirs", "tester"}


@given(
    st.lists(
        st.tuples(st.sampled_from(["llama3.1:8b", "qwen2.5:7b", "unheard-of"]), st.integers(1, 20_000)), max_size=8
    )
)
def test_sharing_never_costs_more_than_being_alone_and_never_less_than_the_largest(
    needs: list[tuple[str, int]],
) -> None:
    added = portions([Need(None, str(i), model, 8192, memory) for i, (model, memory) in enumerate(needs)])
    assert all(0 <= portion <= memory for portion, (_, memory) in zip(added, needs, strict=True))
    assert added[:1] == [memory for _, memory in needs[:1]]


def test_a_model_elsewhere_may_hold_memory_where_somebody_says_how_much(
    workspace: Workspace, tester: str, cards: list[int]
) -> None:
    saved = save(
        workspace,
        tester,
        1,
        model_provider=ModelProvider.ANTHROPIC,
        assigned_llm="claude-3-opus",
        gpu_assignment=cards[0],
        allocated_memory_mb=8192,
    )
    assert saved.version == 2
    assert promised(workspace) == {"tester": (cards[0], 8192)}
