"""Many rows in one statement."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.rows import insert_rows
from helios_core.database.session import Database, Principal
from helios_core.models import AgentResponse, ChatModeSession, ConversationPhase, ConversationPhaseSpan, ModelProvider
from tests.views import scenes

AT = datetime(2026, 11, 23, 7, 30, 1, 123456, tzinfo=UTC)
HARD = 'A "quote", a \\ and a \u2028 line, {braces}, :colons, %s, \U0001f680, and\nnext'


def answers(session: Session) -> list[AgentResponse]:
    """Two answers of which one says only what it has to."""
    row = scenes.conversation(session)
    of = {
        "conversation_id": row.id,
        "delegation_id": scenes.delegation(session, row, "technical_expert").id,
        "agent_id": "technical_expert",
    }
    long = {"content": HARD, "structured": {"a": [1, None, {"b": "c"}]}, "model_provider": ModelProvider.OLLAMA}
    short: dict[str, object] = {"content": "", "structured": {}, "model_provider": None}
    measured = {"input_tokens": 7, "confidence_score": 0.1, "completed_at": AT}
    unmeasured = dict.fromkeys(measured)
    rows = [of | long | measured, of | short | unmeasured]
    ids = [row.id for row in insert_rows(session, AgentResponse, rows, "id")]
    return list(session.scalars(select(AgentResponse).where(AgentResponse.id.in_(ids)).order_by(AgentResponse.id)))


def test_every_value_arrives_as_it_was_given(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        first, second = answers(session)
        assert (first.content, first.structured) == (HARD, {"a": [1, None, {"b": "c"}]})
        assert (first.model_provider, first.input_tokens) == (ModelProvider.OLLAMA, 7)
        assert (first.confidence_score, first.completed_at) == (0.1, AT)
        assert (second.content, second.structured) == ("", {})
        assert (second.model_provider, second.input_tokens, second.completed_at) == (None, None, None)
        assert first.user_id == member.user_id


def test_the_models_own_defaults_are_filled_in(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        given = uuid4()
        insert_rows(session, ChatModeSession, [{"id": given, "title": "Given"}])
        insert_rows(session, ChatModeSession, [{"title": "One"}, {"title": "Other"}])
        chats = session.scalars(select(ChatModeSession)).all()
        assert {chat.mode for chat in chats} == {"multi_agent"}
        assert len({chat.id for chat in chats}) == 3
        assert session.get_one(ChatModeSession, given).created_at is not None


def test_without_rows_nothing_is_asked_of_the_server(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        assert insert_rows(session, ConversationPhaseSpan, [], "position") == ()
        assert not session.in_transaction()


def test_enums_are_written_by_their_values(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row = scenes.conversation(session)
        phases = [ConversationPhase.PLANNING, ConversationPhase.REVIEW]
        rows = [{"conversation_id": row.id, "position": place, "phase": phase} for place, phase in enumerate(phases)]
        insert_rows(session, ConversationPhaseSpan, rows)
        kept = select(ConversationPhaseSpan.phase).order_by(ConversationPhaseSpan.position)
        assert session.scalars(kept).all() == phases
