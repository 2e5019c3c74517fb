"""A synthesis joins the knowledge graph, once, with its sources and its doubts."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select, update
from sqlalchemy.orm import aliased

from helios_core.database.session import Principal
from helios_core.models import ConsensusMemoryEdge, ConsensusMemoryNode, TaskSynthesis
from helios_core.services.chat_sessions import attach_conversation
from helios_core.services.consensus_memory import join
from helios_core.services.workspace import Workspace
from tests.services.teamwork import teamwork


def edges(workspace: Workspace) -> set[tuple[str, str, str, float | None]]:
    """Every edge, as the contents of its ends, its relation and its weight."""
    node, other = aliased(ConsensusMemoryNode), aliased(ConsensusMemoryNode)
    query = (
        select(node.content, ConsensusMemoryEdge.relation, other.content, ConsensusMemoryEdge.weight)
        .join(node, node.id == ConsensusMemoryEdge.source_node_id)
        .join(other, other.id == ConsensusMemoryEdge.target_node_id)
    )
    rows = workspace.read(lambda session: session.execute(query).all())
    return {(source, relation, target, weight) for source, relation, target, weight in rows}


def test_a_synthesis_becomes_a_node_with_what_it_was_made_from(workspace: Workspace, member: Principal) -> None:
    mine = workspace.on_behalf_of(member)
    work = mine.act(teamwork)
    chat_id = mine.act(lambda session: attach_conversation(session, work.conversation_id))
    node_id = mine.act(lambda session: join(session, work.synthesis_id))
    node = mine.read(lambda session: session.get_one(ConsensusMemoryNode, node_id))
    assert (node.node_type, node.content, node.confidence, node.session_id) == (
        "synthesis", "Yes, but not all of them.", 0.62, chat_id,
    )  # fmt: skip
    assert node.attributes["question"] == "Should we move the nightly jobs?"
    assert node.attributes["minority_report"] == "Not before a restart test."
    assert edges(mine) == {
        ("What technical_expert says.", "contributes_to", "Yes, but not all of them.", 0.75),
        ("What data_analyst says.", "contributes_to", "Yes, but not all of them.", None),
        ("A restart is cheap.", "disputed_in", "Yes, but not all of them.", None),
        ("What technical_expert says.", "supports", "A restart is cheap.", None),
        ("What data_analyst says.", "opposes", "A restart is cheap.", None),
    }
    assert mine.read(lambda s: s.get_one(TaskSynthesis, work.synthesis_id)).consensus_node_id == node_id


def test_a_synthesis_joins_once_however_often_it_is_asked(workspace: Workspace, member: Principal) -> None:
    mine = workspace.on_behalf_of(member)
    work = mine.act(teamwork)

    def joined(_: int) -> object:
        return workspace.act(lambda session: join(session, work.synthesis_id))

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(joined, range(8)))) == 1
    nodes = mine.read(lambda session: session.scalars(select(ConsensusMemoryNode.node_type)).all())
    assert sorted(nodes) == ["claim", "response", "response", "synthesis"]
    assert len(edges(mine)) == 5


def test_what_a_source_stored_in_another_shape_is_left_out(workspace: Workspace, member: Principal) -> None:
    mine = workspace.on_behalf_of(member)
    work = mine.act(teamwork)
    odd = {"contributions": ["somebody", {"response_id": 1 << 40, "agent_id": "ghost"}], "conflicts": [{"claim": 7}]}
    mine.act(lambda session: session.execute(update(TaskSynthesis).values(odd)))
    mine.act(lambda session: join(session, work.synthesis_id))
    assert mine.read(lambda session: session.scalars(select(ConsensusMemoryNode.node_type)).all()) == ["synthesis"]
