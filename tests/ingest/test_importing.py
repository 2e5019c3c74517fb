import gzip
import random
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.ingest.importing import import_files
from helios_core.ingest.reading import read
from helios_core.models import MultiAgentConversation
from helios_core.models.base import Base
from helios_core.services.exports import export_record
from helios_core.services.workspace import Workspace
from tests.ingest.own_files import CHATDEV_LOG, JSON_FILES, MAGENTIC_ONE, as_bytes
from tests.ingest.real_files import REAL_FILES, needs_real_files
from tests.ingest.test_reading import damaged


def row_counts(session: Session) -> Counter[str]:
    """How many rows each table has."""
    return Counter(
        {table.name: session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file of each format."""
    for name, tree in JSON_FILES.items():
        (tmp_path / f"{name}.json").write_bytes(as_bytes(tree))
    (tmp_path / "chatdev.log").write_text(CHATDEV_LOG)
    return tmp_path


def test_a_file_of_each_format_becomes_a_conversation(workspace: Workspace, folder: Path) -> None:
    outcomes = import_files(workspace, sorted(folder.iterdir()))
    assert [outcome.refusal for outcome in outcomes] == [None] * 5
    with workspace.database.session(workspace.principal) as session:
        stored = session.scalars(select(MultiAgentConversation).order_by(MultiAgentConversation.id)).all()
    assert [conversation.source_name for conversation in stored] == [path.name for path in sorted(folder.iterdir())]
    assert {conversation.source for conversation in stored} == {"import"}
    assert {conversation.user_id for conversation in stored} == {workspace.principal.user_id}


def test_the_same_content_twice_is_one_conversation_whatever_its_name(workspace: Workspace, folder: Path) -> None:
    first = folder / "native.json"
    packed = folder / "renamed.gz"
    packed.write_bytes(gzip.compress(first.read_bytes()))
    [once] = import_files(workspace, [first])
    before = workspace.read(row_counts)
    [twice] = import_files(workspace, [packed])
    assert once.result is not None
    assert twice.result is not None
    assert (once.result.is_new, twice.result.is_new) == (True, False)
    assert once.result.conversation_id == twice.result.conversation_id
    assert workspace.read(row_counts) == before


def test_the_same_file_is_a_conversation_of_each_user_that_imports_it(
    database: Database, member: Principal, operator: Principal, folder: Path
) -> None:
    [mine] = import_files(Workspace(database, member), [folder / "native.json"])
    [theirs] = import_files(Workspace(database, operator), [folder / "native.json"])
    assert mine.result is not None
    assert theirs.result is not None
    assert theirs.result.is_new
    assert mine.result.conversation_id != theirs.result.conversation_id


def test_a_broken_file_leaves_nothing_and_does_not_stop_the_others(workspace: Workspace, folder: Path) -> None:
    broken = folder / "broken.json"
    broken.write_bytes(as_bytes(MAGENTIC_ONE | {"history": [*MAGENTIC_ONE["history"], {"role": 7, "content": "?"}]}))
    before = workspace.read(row_counts)
    [refused] = import_files(workspace, [broken])
    assert refused.result is None
    assert refused.refusal == "broken.json: history[9].role: Input should be a valid string (found: 7)"
    assert workspace.read(row_counts) == before
    [_, other] = import_files(workspace, [broken, folder / "native.json"])
    assert other.result is not None


@pytest.mark.parametrize(("name", "fault"), [("missing.json", "there is no such file"), (".", "there is no such file")])
def test_what_is_no_file_is_refused(workspace: Workspace, tmp_path: Path, name: str, fault: str) -> None:
    [outcome] = import_files(workspace, [tmp_path / name])
    assert fault in (outcome.refusal or "")


def test_a_file_name_that_is_no_text_is_stored_as_well_as_it_can_be(workspace: Workspace, folder: Path) -> None:
    odd = folder / "od\udcff.json"
    (folder / "native.json").rename(odd)
    [outcome] = import_files(workspace, [odd])
    assert outcome.refusal is None
    with workspace.database.session(workspace.principal) as session:
        assert session.scalar(select(MultiAgentConversation.source_name)) == "od\ufffd.json"


def test_damaged_files_are_imported_or_refused_and_nothing_else(workspace: Workspace, tmp_path: Path) -> None:
    wholes = [*(as_bytes(tree) for tree in JSON_FILES.values()), CHATDEV_LOG.encode()]
    chance = random.Random(7)
    paths = []
    for number in range(150):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_bytes(damaged(chance.choice(wholes), chance))
    outcomes = import_files(workspace, paths)
    imported = {outcome.result.conversation_id for outcome in outcomes if outcome.result is not None}
    assert all((outcome.result is None) != (outcome.refusal is None) for outcome in outcomes)
    with workspace.database.session(workspace.principal) as session:
        assert set(session.scalars(select(MultiAgentConversation.id))) == imported


@needs_real_files
def test_every_real_file_is_stored_whole_and_only_once(workspace: Workspace) -> None:
    outcomes = import_files(workspace, REAL_FILES)
    assert [outcome.refusal for outcome in outcomes if outcome.refusal] == []
    for outcome in outcomes:
        assert outcome.result is not None
        conversation_id = outcome.result.conversation_id
        with workspace.database.session(workspace.principal) as session:
            stored = export_record(session, conversation_id)
        assert stored == read(outcome.path.read_bytes(), outcome.path.name)
    before = workspace.read(row_counts)
    again = import_files(workspace, REAL_FILES)
    assert [outcome.result and outcome.result.is_new for outcome in again] == [False] * len(REAL_FILES)
    assert workspace.read(row_counts) == before
