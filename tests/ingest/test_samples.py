from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import func, select

from helios_core.ingest.samples import load_samples
from helios_core.models import ConversationPhase, MultiAgentConversation, TaskDelegation, TaskDelegationStatus
from helios_core.services.conversations import remove_samples
from helios_core.services.exports import export_record
from helios_core.services.records import ConversationRecord
from helios_core.services.team import TEAM
from helios_core.services.workspace import Workspace

NOW = datetime(2031, 7, 1, 8, 30, tzinfo=UTC)


@pytest.fixture
def samples(workspace: Workspace) -> list[ConversationRecord]:
    """The samples as they are stored."""
    loaded = workspace.act(lambda session: load_samples(session, NOW))
    with workspace.database.session(workspace.principal) as session:
        return [export_record(session, sample.conversation_id) for sample in loaded]


def test_the_samples_are_marked_loaded_once_and_removed_together(workspace: Workspace) -> None:
    loaded = workspace.act(lambda session: load_samples(session, NOW))
    again = workspace.act(lambda session: load_samples(session, NOW + timedelta(days=1)))
    assert [sample.is_new for sample in loaded] == [True] * 4
    assert [(sample.conversation_id, sample.is_new) for sample in again] == [
        (sample.conversation_id, False) for sample in loaded
    ]
    with workspace.database.session(workspace.principal) as session:
        assert set(session.scalars(select(MultiAgentConversation.source))) == {"sample"}
    assert workspace.act(remove_samples) == 4
    with workspace.database.session(workspace.principal) as session:
        assert session.scalar(select(func.count()).select_from(TaskDelegation)) == 0


def test_the_samples_were_held_just_before_they_are_loaded(samples: list[ConversationRecord]) -> None:
    ends = [sample.ended_at for sample in samples if sample.ended_at is not None]
    assert len(ends) == 4
    assert timedelta(minutes=10) < NOW - max(ends) < timedelta(hours=1)
    assert NOW - min(ends) < timedelta(days=3)


def test_the_samples_show_the_whole_team_and_every_phase(samples: list[ConversationRecord]) -> None:
    assert {participant.agent_id for sample in samples for participant in sample.participants} == set(TEAM)
    assert {phase.phase for sample in samples for phase in sample.phases} == set(ConversationPhase)


def test_the_samples_show_every_way_in_which_a_delegation_ends(samples: list[ConversationRecord]) -> None:
    delegations = [delegation for sample in samples for delegation in sample.delegations]
    assert {delegation.status for delegation in delegations} == {
        TaskDelegationStatus.COMPLETED,
        TaskDelegationStatus.FAILED,
        TaskDelegationStatus.CANCELLED,
        TaskDelegationStatus.TIMEOUT,
    }
    retried = [delegation for delegation in delegations if delegation.retry_of is not None]
    assert [delegation.attempt for delegation in retried] == [2]


def test_in_a_sample_a_review_sends_the_answer_back_once(samples: list[ConversationRecord]) -> None:
    orders = [[phase.phase.value for phase in sample.phases] for sample in samples]
    sent_back = [order for order in orders if order.count("review") == 2]
    assert [order[order.index("review") + 1] for order in sent_back] == ["delegation"]


def test_a_sample_keeps_a_strong_minority_opinion(samples: list[ConversationRecord]) -> None:
    reports = [synthesis.minority_report for sample in samples for synthesis in sample.syntheses]
    assert any(report and "alone against" in report for report in reports)


def test_the_parts_of_each_answers_time_fit_into_it(samples: list[ConversationRecord]) -> None:
    for response in (response for sample in samples for response in sample.responses):
        parts = (
            response.queue_seconds,
            response.load_seconds,
            response.prefill_seconds,
            response.decode_seconds,
            response.tool_seconds,
        )
        assert response.response_seconds is not None
        assert sum(part or 0 for part in parts) <= response.response_seconds
        assert response.completed_at is not None


def test_the_agreement_of_a_sample_follows_from_its_stances(samples: list[ConversationRecord]) -> None:
    concluded = [sample for sample in samples if sample.consensus_score is not None]
    assert len(concluded) == 3
    for sample in concluded:
        claims = cast("list[Mapping[str, Mapping[str, str]]]", sample.attributes["claims"])
        stances = [list(claim["stances"].values()) for claim in claims]
        shares = [
            sum(one == other for place, one in enumerate(held) for other in held[place + 1 :])
            / (len(held) * (len(held) - 1) / 2)
            for held in stances
        ]
        assert sample.consensus_score == pytest.approx(sum(shares) / len(shares), abs=0.005)
        assert {agent for claim in claims for agent in claim["stances"]} <= {
            response.agent_id for response in sample.responses
        }
