"""Starting and steering conversations, and holding their runs."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import HoldLost, InvalidInput, NotAllowed, NotFound, PhaseLeft, TransitionRefused
from helios_core.models import (
    AgentConfiguration,
    AgentProfile,
    CardLease,
    ConversationPhase,
    GPUAllocation,
    GPUResource,
    ModelProvider,
    MultiAgentConversation,
)
from helios_core.services import delegations, responses, runs, slots, statuses, workers
from helios_core.services.team import ensure_default_team
from helios_core.services.transcripts import NewMessage, enter
from helios_core.services.workspace import Workspace
from helios_core.views.agents import find_agent
from helios_core.views.briefs import brief
from helios_core.views.runs import progress

Result = TypeVar("Result")


@pytest.fixture
def system(database: Database) -> Workspace:
    workspace = Workspace(database, SYSTEM)
    workspace.act(ensure_default_team)
    return workspace


@pytest.fixture
def mine(member: Principal, system: Workspace) -> Workspace:
    return system.on_behalf_of(member)


@pytest.fixture
def worker(system: Workspace) -> UUID:
    return system.act(lambda session: workers.enlist(session, 8))


def start(workspace: Workspace) -> int:
    return workspace.act(lambda session: runs.start_conversation(session, "Is it safe?\nWe ask for a friend."))


def take(system: Workspace, conversation_id: int, worker: UUID) -> runs.Hold:
    hold = system.act(lambda session: runs.take(session, conversation_id, worker)())
    assert hold is not None
    return hold


def tasks(*agents: str, depends_on: tuple[int, ...] = ()) -> list[delegations.NewDelegation]:
    return [
        delegations.NewDelegation(place, agent, f"Task {place}", f"@[{agent}] Task {place}", depends_on=depends_on)
        for place, agent in enumerate(agents)
    ]


def said(hold: runs.Hold) -> NewMessage:
    return NewMessage(hold.user_id, hold.conversation_id, "project_manager", "plan", "Everybody answers.")


def planned(system: Workspace, hold: runs.Hold, *agents: str) -> tuple[int, ...]:
    def plan(session: Session) -> tuple[int, ...]:
        runs.require_hold(session, hold)
        conversation = session.get_one(MultiAgentConversation, hold.conversation_id)
        for phase in ("ingestion", "planning", "delegation", "processing"):
            enter(session, conversation.id, ConversationPhase(phase))
        return delegations.plan(session, hold, said(hold), tasks(*agents))

    return system.act(plan)


def begin(
    system: Workspace, hold: runs.Hold, ids: tuple[int, ...], agents: list[str], gpus: tuple[int, ...]
) -> frozenset[int]:
    starts = [delegations.Start(hold, id_, agent, gpus, 5) for id_, agent in zip(ids, agents, strict=True)]
    return system.act(lambda session: delegations.start(session, starts))


def answer(hold: runs.Hold, delegation_id: int, agent_id: str) -> responses.NewResponse:
    return responses.NewResponse(hold, delegation_id, agent_id, "Yes.", "llama", None, confidence_score=0.8)


def test_a_worker_that_counts_as_ended_claims_nothing(system: Workspace, mine: Workspace, worker: UUID) -> None:
    start(mine)
    system.act(lambda session: workers.bury(session, worker))
    assert system.act(lambda session: runs.claim_waiting(session, worker, 5)) == ()
    other = system.act(lambda session: workers.enlist(session, 8))
    assert len(system.act(lambda session: runs.claim_waiting(session, other, 5))) == 1


def test_the_most_important_is_taken_up_first(
    system: Workspace, mine: Workspace, operator: Principal, worker: UUID
) -> None:
    def ask(whose: Workspace, priority: int) -> int:
        return whose.act(lambda session: runs.start_conversation(session, "Why?", priority=priority))

    late, usual, usual_too = ask(mine, 1), ask(mine, 5), start(mine)
    first = ask(system.on_behalf_of(operator), 10)
    claimed = [system.act(lambda session: runs.claim_waiting(session, worker, 1))[0] for _ in range(4)]
    assert [run.conversation_id for run in claimed] == [first, usual, usual_too, late]


def test_only_operators_put_a_conversation_before_others(mine: Workspace) -> None:
    refused(lambda: mine.act(lambda session: runs.start_conversation(session, "Why?", priority=6)), NotAllowed)
    refused(lambda: mine.act(lambda session: runs.start_conversation(session, "Why?", priority=0)), InvalidInput)


def status_of(system: Workspace, agent_id: str, user: Principal) -> str:
    def load(session: Session) -> str:
        found = session.query(AgentProfile).filter_by(agent_id=agent_id, user_id=user.user_id).one()
        return found.status.value

    return system.read(load)


def refused(act: Callable[[], Result], error: type[Exception]) -> None:
    with pytest.raises(error):
        act()


def test_a_question_becomes_a_conversation_that_waits_for_a_worker(
    mine: Workspace, system: Workspace, worker: UUID
) -> None:
    conversation_id = start(mine)
    seen = mine.read(lambda session: progress(session, conversation_id))
    assert (seen.title, seen.state, seen.phase, seen.messages) == ("Is it safe?", "waiting", "initialization", 1)
    claimed = system.act(lambda session: runs.claim_waiting(session, worker, 4))
    assert claimed == (runs.WaitingRun(conversation_id, epoch=0),)
    assert system.act(lambda session: runs.claim_waiting(session, worker, 4)) == ()
    assert take(system, conversation_id, worker).epoch == 1
    assert mine.read(lambda session: progress(session, conversation_id)).state == "running"


@pytest.mark.parametrize("question", ["", "  \n", "a\x00b", "x" * 100_001])
def test_what_is_no_question_is_refused(mine: Workspace, question: str) -> None:
    refused(lambda: mine.act(lambda session: runs.start_conversation(session, question)), InvalidInput)


@pytest.mark.parametrize("team", [(), ("project_manager",), ("nobody",)])
def test_a_team_needs_an_expert_who_is_there(mine: Workspace, team: tuple[str, ...]) -> None:
    refused(lambda: mine.act(lambda session: runs.start_conversation(session, "Why?", agent_ids=team)), InvalidInput)


def test_a_question_is_asked_by_somebody(system: Workspace) -> None:
    refused(lambda: system.act(lambda session: runs.start_conversation(session, "Why?")), NotAllowed)


def test_only_the_newest_holder_of_a_run_writes(mine: Workspace, system: Workspace, worker: UUID) -> None:
    conversation_id = start(mine)
    old = take(system, conversation_id, worker)
    new = take(system, conversation_id, system.act(lambda session: workers.enlist(session, 8)))
    refused(lambda: system.act(lambda session: runs.require_hold(session, old)), HoldLost)
    system.act(lambda session: runs.require_hold(session, new))
    refused(lambda: system.act(lambda session: runs.finish(session, old, "completed")), HoldLost)
    system.act(lambda session: runs.finish(session, new, "completed"))
    refused(lambda: system.act(lambda session: runs.require_hold(session, new)), HoldLost)
    assert system.act(lambda session: runs.take(session, conversation_id, worker)() is None)


def test_what_a_late_worker_did_or_failed_to_do_is_its_lateness(
    mine: Workspace, system: Workspace, worker: UUID
) -> None:
    conversation_id = start(mine)
    late = take(system, conversation_id, worker)
    held = take(system, conversation_id, worker)

    def retitle(session: Session, hold: runs.Hold, title: str | None) -> None:
        with runs.holding(session, hold, ConversationPhase.INITIALIZATION):
            session.execute(update(MultiAgentConversation).values(title=title))

    refused(lambda: system.act(lambda session: retitle(session, late, "Late")), HoldLost)
    refused(lambda: system.act(lambda session: retitle(session, late, None)), HoldLost)
    with pytest.raises(IntegrityError):
        system.act(lambda session: retitle(session, held, None))
    assert mine.read(lambda session: progress(session, conversation_id)).title == "Is it safe?"
    system.act(lambda session: retitle(session, held, "In time"))
    system.act(lambda session: enter(session, conversation_id, ConversationPhase.INGESTION))
    refused(lambda: system.act(lambda session: retitle(session, held, "Twice")), PhaseLeft)
    refused(lambda: system.act(lambda session: retitle(session, held, None)), PhaseLeft)
    assert mine.read(lambda session: progress(session, conversation_id)).title == "In time"


def test_an_answer_is_written_once_and_frees_its_slot(
    mine: Workspace, system: Workspace, worker: UUID, member: Principal
) -> None:
    system.act(lambda s: s.add(GPUResource(uuid="A", name="A", host="h", total_memory_mb=1, max_concurrent_agents=1)))
    hold = take(system, start(mine), worker)
    agents = ["technical_expert", "data_analyst"]
    system.act(lambda session: statuses.enlist(session, hold.user_id, agents))
    first, second = ids = planned(system, hold, *agents)
    assert begin(system, hold, ids, agents, (0,)) == {first}
    seen = mine.read(lambda session: progress(session, hold.conversation_id))
    assert [(task.status, task.is_waiting_for_card) for task in seen.tasks] == [
        ("in_progress", False),
        ("pending", True),
    ]
    assert status_of(system, "technical_expert", member) == "working"
    done = [answer(hold, first, agents[0])]
    assert list(system.act(lambda session: responses.respond(session, done))) == [first]
    assert system.act(lambda session: responses.respond(session, done)) == {}
    assert status_of(system, "technical_expert", member) == "idle"
    assert begin(system, hold, (second,), agents[1:], (0,)) == {second}
    late = runs.Hold(hold.conversation_id, hold.user_id, worker, epoch=9)
    assert system.act(lambda session: responses.respond(session, [answer(late, second, agents[1])])) == {}


def test_an_expert_works_on_the_cards_promised_to_it_else_on_those_it_prefers(
    system: Workspace, mine: Workspace, member: Principal
) -> None:
    def configure(session: Session) -> None:
        for number in range(4):
            session.add(GPUResource(uuid=str(number), name="A", host="h", total_memory_mb=9))
            session.flush()
        divided = find_configuration(session, "technical_expert")
        divided.model_provider, divided.gpu_assignment, divided.further_gpu_ids = ModelProvider.OLLAMA, 0, [2]
        elsewhere = find_configuration(session, "data_analyst")
        elsewhere.model_provider, elsewhere.gpu_assignment = ModelProvider.OPENAI, 0

    def promise(session: Session) -> None:
        default = find_configuration(session, "technical_expert").id
        for gpu_id in (3, 1):
            session.add(
                GPUAllocation(
                    user_id=member.user_id, gpu_id=gpu_id, agent_id="technical_expert", allocated_memory_mb=1,
                    default_configuration_id=default,
                )
            )  # fmt: skip

    conversation_id = start(mine)
    system.act(configure)
    seats = system.read(lambda session: brief(session, conversation_id)()).seats
    assert (seats["technical_expert"].gpu_ids, seats["data_analyst"].gpu_ids) == ((0, 2), ())
    system.act(promise)
    assert system.read(lambda session: brief(session, conversation_id)()).seats["technical_expert"].gpu_ids == (1, 3)


def find_configuration(session: Session, agent_id: str) -> AgentConfiguration:
    return session.scalars(select(AgentConfiguration).filter_by(agent_id=agent_id, user_id=None)).one()


def test_who_is_on_two_cards_takes_a_slot_of_both_or_none(system: Workspace, mine: Workspace, worker: UUID) -> None:
    def add_cards(session: Session) -> None:
        for name in "AB":
            session.add(GPUResource(uuid=name, name=name, host="h", total_memory_mb=1, max_concurrent_agents=1))
            session.flush()

    system.act(add_cards)
    hold = take(system, start(mine), worker)
    agents = ["technical_expert", "data_analyst", "planning_expert", "business_analyst"]
    alone, divided, after, elsewhere = planned(system, hold, *agents)

    def begun(delegation_id: int, *cards: int) -> bool:
        return bool(begin(system, hold, (delegation_id,), agents[:1], cards))

    def end(*ended: int) -> None:
        system.act(lambda session: slots.give_back(session, ended))

    def held() -> set[int]:
        lease = select(CardLease.delegation_id).where(CardLease.granted_at.is_not(None))
        return set(system.read(lambda session: session.scalars(lease).all()))

    assert begun(alone, 0)
    assert not begun(divided, 0, 1)
    assert not begun(after, 1), "it came later, and would keep the divided one waiting"
    end(alone)
    assert held() == {divided}
    assert not begun(elsewhere, 0)
    end(divided)
    assert held() == {after, elsewhere}


def test_cancelling_ends_everything_at_once(
    mine: Workspace, system: Workspace, worker: UUID, other_member: Principal
) -> None:
    hold = take(system, start(mine), worker)
    ids = planned(system, hold, "technical_expert", "data_analyst")
    begin(system, hold, ids[:1], ["technical_expert"], ())
    theirs = system.on_behalf_of(other_member)
    refused(lambda: theirs.act(lambda session: runs.cancel_conversation(session, hold.conversation_id)), NotFound)
    mine.act(lambda session: runs.cancel_conversation(session, hold.conversation_id, "Wrong question."))
    seen = mine.read(lambda session: progress(session, hold.conversation_id))
    assert (seen.outcome, seen.outcome_reason, seen.state) == ("cancelled", "Wrong question.", "ended")
    assert {task.status for task in seen.tasks} == {"cancelled"}
    assert system.act(lambda s: responses.respond(s, [answer(hold, ids[0], "technical_expert")])) == {}
    refused(lambda: mine.act(lambda s: runs.cancel_conversation(s, hold.conversation_id)), TransitionRefused)
    refused(lambda: mine.act(lambda s: runs.pause_conversation(s, hold.conversation_id)), TransitionRefused)


def test_a_conversation_can_be_paused_and_go_on(mine: Workspace, system: Workspace, worker: UUID) -> None:
    hold = take(system, start(mine), worker)
    mine.act(lambda session: runs.pause_conversation(session, hold.conversation_id))
    assert mine.read(lambda session: progress(session, hold.conversation_id)).state == "paused"
    assert system.read(lambda session: runs.is_paused(session, hold))
    mine.act(lambda session: runs.resume_conversation(session, hold.conversation_id))
    assert not system.read(lambda session: runs.is_paused(session, hold))
    mine.act(lambda session: runs.cancel_conversation(session, hold.conversation_id))
    refused(lambda: system.read(lambda session: runs.is_paused(session, hold)), HoldLost)


def test_a_failed_attempt_is_followed_by_another_of_the_same_task(
    mine: Workspace, system: Workspace, worker: UUID
) -> None:
    hold = take(system, start(mine), worker)
    (first,) = planned(system, hold, "technical_expert")
    begin(system, hold, (first,), ["technical_expert"], ())
    second = system.act(lambda s: delegations.fail(s, hold, first, "It is busy.", timed_out=False, again=True))
    assert second is not None
    assert system.act(lambda s: delegations.fail(s, hold, first, "Again.", timed_out=False, again=True)) is None
    assert system.act(lambda s: delegations.fail(s, hold, second, "Late.", timed_out=True, again=False)) is None
    seen = mine.read(lambda session: progress(session, hold.conversation_id))
    assert [(task.status, task.attempt, task.retry_of) for task in seen.tasks] == [
        ("failed", 1, None),
        ("timeout", 2, first),
    ]
    third = mine.act(lambda session: delegations.retry_delegation(session, second))
    refused(lambda: mine.act(lambda session: delegations.retry_delegation(session, first)), TransitionRefused)
    refused(lambda: mine.act(lambda session: delegations.retry_delegation(session, third)), TransitionRefused)
    fourth = mine.act(lambda session: delegations.reassign_delegation(session, third, "data_analyst"))
    mine.act(lambda session: delegations.cancel_delegation(session, fourth))
    refused(lambda: mine.act(lambda session: delegations.cancel_delegation(session, fourth)), TransitionRefused)
    seen = mine.read(lambda session: progress(session, hold.conversation_id))
    assert [(task.agent_id, task.status) for task in seen.tasks][2:] == [
        ("technical_expert", "cancelled"),
        ("data_analyst", "cancelled"),
    ]


def test_a_worker_that_is_not_seen_any_more_hands_everything_back(
    mine: Workspace, system: Workspace, worker: UUID, member: Principal
) -> None:
    hold = take(system, start(mine), worker)
    system.act(lambda session: statuses.enlist(session, hold.user_id, ["technical_expert"]))
    (task,) = planned(system, hold, "technical_expert")
    begin(system, hold, (task,), ["technical_expert"], ())
    assert system.act(workers.reap) == ()
    assert mine.read(lambda session: find_agent(session, "technical_expert")).status == "working"
    system.act(lambda session: session.execute(text("UPDATE workers SET seen_at = now() - interval '9 s'")))
    assert mine.read(lambda session: find_agent(session, "technical_expert")).status == "offline"
    assert system.act(workers.reap) == (worker,)
    assert status_of(system, "technical_expert", member) == "idle"
    assert not system.act(lambda session: workers.beat(session, worker))
    refused(lambda: system.act(lambda session: runs.require_hold(session, hold)), HoldLost)
    other = system.act(lambda session: workers.enlist(session, 8))
    assert system.act(lambda session: runs.claim_waiting(session, other, 4)) == (
        runs.WaitingRun(hold.conversation_id, epoch=2),
    )
    assert begin(system, take(system, hold.conversation_id, other), (task,), ["technical_expert"], ()) == {task}
