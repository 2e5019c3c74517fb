from functools import partial

import pytest

from helios_core.database.session import Database, Principal
from helios_core.errors import NotFound, Refused
from helios_core.ingest.reading import read
from helios_core.models import (
    ConversationMessage,
    GPUResource,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.services.exports import export_record
from helios_core.services.records import ConversationRecord, dump
from helios_core.services.workspace import Workspace
from tests.services.test_conversations import RECORD, delegation, store


def exported(workspace: Workspace, record: ConversationRecord, digest: str = "d1") -> ConversationRecord:
    """What an export gives after an import."""
    conversation_id = store(workspace, record, digest=digest).conversation_id
    return workspace.read(partial(export_record, conversation_id=conversation_id))


def test_an_export_gives_what_was_imported(workspace: Workspace) -> None:
    assert exported(workspace, RECORD) == RECORD


def test_an_export_written_to_a_file_and_imported_again_is_the_same(workspace: Workspace) -> None:
    first = exported(workspace, RECORD)
    again = read(dump(first).encode(), "exported.json")
    assert exported(workspace, again, digest="d2") == first


def test_an_export_names_the_card_by_its_uuid(workspace: Workspace) -> None:
    with workspace.database.session(workspace.principal) as session:
        session.add(GPUResource(id=2, uuid="GPU-two", name="RTX Titan X", host="here", total_memory_mb=12288))
        session.commit()
    tasks = (delegation(gpu_id=2, gpu_uuid="GPU-two"), delegation())
    record = RECORD.model_copy(update={"delegations": tasks})
    assert exported(workspace, record) == record


def test_a_conversation_under_way_is_not_exported(workspace: Workspace) -> None:
    with workspace.database.session(workspace.principal) as session:
        conversation = MultiAgentConversation(title="Still talking")
        session.add(conversation)
        session.commit()
    with pytest.raises(Refused, match="under way"):
        workspace.read(partial(export_record, conversation_id=conversation.id))


def test_a_conversation_of_another_user_is_unknown(
    database: Database, member: Principal, other_member: Principal
) -> None:
    conversation_id = store(Workspace(database, member)).conversation_id
    with pytest.raises(NotFound):
        Workspace(database, other_member).read(partial(export_record, conversation_id=conversation_id))


def test_a_conversation_that_ended_before_anything_was_measured_is_exported_with_all_who_were_in_it(
    database: Database, member: Principal
) -> None:
    with database.session(member) as session:
        talk = MultiAgentConversation(
            title="Cut short", pm_agent_id="project_manager", source="live", outcome="cancelled"
        )
        session.add(talk)
        session.flush()
        session.add_all(
            [
                TaskDelegation(
                    conversation_id=talk.id, pm_agent_id="project_manager", target_agent_id="data_analyst",
                    task_description="Count.", status=TaskDelegationStatus.CANCELLED,
                ),
                ConversationMessage(
                    conversation_id=talk.id, position=0, speaker="user", kind="question", content="How many?"
                ),
            ]
        )  # fmt: skip
        session.flush()
        record = export_record(session, talk.id)
    assert [participant.agent_id for participant in record.participants] == ["project_manager", "data_analyst"]
