"""What a team concluded, and what of it wants a reader."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.errors import NotFound
from helios_core.ingest.samples import load_samples
from helios_core.models import AgentResponse, MultiAgentConversation, TaskSynthesis
from helios_core.services.consensus import conclude
from helios_core.services.findings import Finding, record_findings
from helios_core.services.scores import Subject, rate
from helios_core.views.conclusions import conclusion, list_conclusions
from tests.services.test_consensus import ANSWER, new_synthesis
from tests.views import scenes


def concluded(session: Session) -> tuple[MultiAgentConversation, TaskSynthesis]:
    """Three experts on two models, of whom two differ."""
    row = scenes.conversation(session, source="live")
    return row, session.get_one(TaskSynthesis, conclude(session, new_synthesis(session, row)))


def test_a_conclusion_tells_who_wrote_what_in_how_many_votes_and_by_which_words(
    database: Database, member: Principal
) -> None:
    with database.session(member) as session:
        row, _ = concluded(session)
        record_findings(session, row.id, [Finding("ping_pong", "They wait.", "…", "It was sent.")])
        found = conclusion(session, row.id)
        assert "".join(passage.text for passage in found.passages) == ANSWER
        assert [dict(passage.shares) for passage in found.passages] == [{"technical_expert": 1.0}, {}]
        assert {voice.agent_id: voice.vote for voice in found.voices} == {
            "technical_expert": 0.625, "data_analyst": 1.0, "socratic_expert": 0.625,
        }  # fmt: skip
        assert found.effective_votes == 2.25
        assert found.sharing_voices == 2
        assert found.own_share == pytest.approx(1 - sum(voice.share or 0 for voice in found.voices))
        assert [claim.text for claim in found.claims] == ["Spot saves money", "A restart was tried"]
        assert found.claims[0].quotes["technical_expert"] == "Spot is cheaper"
        assert found.claims[0].drawn_by == "qwen2.5:14b"
        assert [finding.kind for finding in found.findings] == ["ping_pong"]


def test_without_a_synthesis_nothing_was_concluded(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row = scenes.conversation(session)
        found = conclusion(session, row.id)
        assert (found.synthesis, found.passages, found.voices) == (None, (), ())
        assert (found.own_share, found.effective_votes, found.claims, found.scores) == (None, None, (), ())


def test_a_model_that_nobody_recorded_leaves_the_votes_unknown(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row = scenes.conversation(session)
        task = scenes.delegation(session, row, "technical_expert")
        session.add(AgentResponse(delegation_id=task.id, conversation_id=row.id, agent_id="x", content="Yes."))
        session.add(TaskSynthesis(conversation_id=row.id, synthesizer_agent_id="pm", content="Yes."))
        session.flush()
        found = conclusion(session, row.id)
        assert found.effective_votes is None
        assert [voice.vote for voice in found.voices] == [None]


def test_what_wants_a_reader_comes_first_until_somebody_has_rated_it(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        agreed = scenes.conversation(session, title="Agreed")
        session.add(
            TaskSynthesis(
                conversation_id=agreed.id, synthesizer_agent_id="pm", content="So.", consensus_score=0.9,
                effective_votes=3.0,
            )
        )  # fmt: skip
        alone = scenes.conversation(session, title="One voice")
        session.add(
            TaskSynthesis(conversation_id=alone.id, synthesizer_agent_id="pm", content="So.", effective_votes=1.2)
        )
        row, synthesis = concluded(session)
        session.flush()
        rows = list_conclusions(session)
        assert [(one.title, one.wants_reader) for one in rows] == [
            (row.title, "The experts agree on 0 % only."),
            ("One voice", "It rests on 1.2 independent votes."),
            ("Agreed", None),
        ]
        rate(session, Subject("synthesis", synthesis.id), 4)
        assert list_conclusions(session)[0].title == "One voice"


def test_each_sample_is_shown_as_it_was_recorded(database: Database, operator: Principal) -> None:
    with database.session(operator) as session:
        loaded = load_samples(session, datetime.now(UTC))
        for sample in loaded:
            found = conclusion(session, sample.conversation_id)
            if found.synthesis is not None:
                assert found.effective_votes == found.synthesis.effective_votes
                assert any(voice.recorded_share for voice in found.voices)


def test_users_see_nothing_of_each_others_conclusions(
    database: Database, member: Principal, other_member: Principal
) -> None:
    with database.session(member) as session:
        row, _ = concluded(session)
        session.commit()
    with database.session(other_member) as session:
        assert list_conclusions(session) == ()
        with pytest.raises(NotFound):
            conclusion(session, row.id)
