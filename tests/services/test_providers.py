"""Which model servers are asked, and their keys."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import ConfigurationError, DuplicateEntry, EditConflict, InvalidInput, NotAllowed
from helios_core.models import AgentConfiguration, AuditEvent, ModelProvider, ProviderEndpoint
from helios_core.providers.endpoints import Endpoint
from helios_core.services import providers
from helios_core.services.providers import SavedEndpoint
from helios_core.services.workspace import Workspace
from helios_core.views.providers import list_model_servers

KEY = "sk-canary-0123456789abcdef0123456789wxyz"
OPENAI = {"provider": "openai", "name": "OpenAI", "address": "https://api.openai.com/v1"}
OLLAMA = {"provider": "ollama", "name": "Ollama", "address": "http://127.0.0.1:11434"}


def create(workspace: Workspace, folder: Path, key: str | None = None, **values: object) -> SavedEndpoint:
    return workspace.act(partial(providers.create_endpoint, values={**OPENAI, **values}, key=key, data_dir=folder))


def edit(
    workspace: Workspace, folder: Path, saved: SavedEndpoint, key: str | None = None, **changes: object
) -> SavedEndpoint:
    return workspace.act(
        partial(
            providers.edit_endpoint,
            endpoint_id=saved.id,
            changes=changes,
            expected_updated_at=saved.updated_at,
            key=key,
            data_dir=folder,
        )
    )


def endpoint(workspace: Workspace, folder: Path, provider: ModelProvider = ModelProvider.OPENAI) -> Endpoint:
    return workspace.read(lambda session: providers.endpoint_for(session, provider, folder))


def key_at(workspace: Workspace, folder: Path) -> str | None:
    found = endpoint(workspace, folder).key
    return found.get_secret_value() if found is not None else None


def refused(workspace: Workspace, folder: Path, key: str | None = None, **values: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as raised:
        create(workspace, folder, key, **values)
    return raised.value.fields


def test_an_agents_provider_is_asked_where_an_operator_said(workspace: Workspace, tmp_path: Path) -> None:
    create(workspace, tmp_path, address="http://127.0.0.1:8000/v1/", allows_link_local=True)
    found = endpoint(workspace, tmp_path)
    assert found == Endpoint("openai", "OpenAI", "http://127.0.0.1:8000/v1", allows_link_local=True)
    with pytest.raises(ConfigurationError, match="speaks as google is enabled"):
        endpoint(workspace, tmp_path, ModelProvider.GOOGLE)


def test_a_member_may_ask_and_not_say_where(workspace: Workspace, member: Principal, tmp_path: Path) -> None:
    create(workspace, tmp_path)
    theirs = workspace.on_behalf_of(member)
    assert endpoint(theirs, tmp_path).name == "OpenAI"
    with pytest.raises(NotAllowed):
        create(theirs, tmp_path, name="Mine", is_enabled=False)


def test_what_cannot_be_is_refused_field_by_field(workspace: Workspace, tmp_path: Path) -> None:
    for values, field in (
        ({"provider": "litellm"}, "provider"),
        ({"name": " "}, "name"),
        ({"address": "file:///etc/passwd"}, "address"),
        ({"address": "http://user:secret@host"}, "address"),
        ({"key_source": "environment", "key_reference": "HELIOS_OWNER_API_KEY"}, "key_reference"),
        ({"key_source": "environment", "key_reference": "AWS_SECRET_ACCESS_KEY"}, "key_reference"),
        ({"key_source": "environment"}, "key_reference"),
        ({"key_source": "file", "key_reference": "../sealing.key"}, "key_reference"),
        ({"key_source": "file", "key_reference": "/etc/shadow"}, "key_reference"),
        ({"key_source": "database"}, "key"),
    ):
        assert list(refused(workspace, tmp_path, **values)) == [field], values
    assert "elsewhere" in refused(workspace, tmp_path, KEY)["key"]
    assert "one line" in refused(workspace, tmp_path, "sk two words", key_source="database")["key"]


def test_one_model_server_of_a_provider_is_enabled_at_a_time(workspace: Workspace, tmp_path: Path) -> None:
    first = create(workspace, tmp_path)
    assert "switch it off first" in refused(workspace, tmp_path, name="vLLM")["is_enabled"]
    second = create(workspace, tmp_path, name="vLLM", address="http://127.0.0.1:8000/v1", is_enabled=False)
    with pytest.raises(DuplicateEntry):
        create(workspace, tmp_path, name="vLLM", is_enabled=False)
    edit(workspace, tmp_path, first, is_enabled=False)
    edit(workspace, tmp_path, second, is_enabled=True)
    assert endpoint(workspace, tmp_path).name == "vLLM"
    with pytest.raises(EditConflict):
        edit(workspace, tmp_path, first, is_enabled=True)


def test_a_key_of_the_environment_is_read_when_it_is_needed(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    create(workspace, tmp_path, key_source="environment", key_reference="OPENAI_API_KEY")
    with pytest.raises(ConfigurationError, match="has no OPENAI_API_KEY"):
        endpoint(workspace, tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert key_at(workspace, tmp_path) == KEY


def test_a_key_of_a_file_is_read_from_the_data_folder_alone(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    file = tmp_path / "keys" / "openai"
    file.write_text(f"{KEY}\n")
    file.chmod(0o644)
    create(workspace, tmp_path, key_source="file", key_reference="openai")
    with pytest.raises(ConfigurationError, match="chmod 600"):
        endpoint(workspace, tmp_path)
    file.chmod(0o600)
    assert key_at(workspace, tmp_path) == KEY
    file.write_text("two\nlines")
    with pytest.raises(ConfigurationError, match="holds no key"):
        endpoint(workspace, tmp_path)


def test_a_sealed_key_opens_for_its_address_and_is_nowhere_to_be_read(
    workspace: Workspace, database: Database, tmp_path: Path
) -> None:
    saved = create(workspace, tmp_path, KEY, key_source="database")
    assert key_at(workspace, tmp_path) == KEY
    saved = edit(workspace, tmp_path, saved, name="OpenAI again")
    assert key_at(workspace, tmp_path) == KEY
    with pytest.raises(InvalidInput) as raised:
        edit(workspace, tmp_path, saved, address="https://elsewhere.example/v1")
    assert "another address" in raised.value.fields["key"]
    edit(workspace, tmp_path, saved, KEY[::-1], address="https://elsewhere.example/v1")
    assert key_at(workspace, tmp_path) == KEY[::-1]
    (shown,) = workspace.read(list_model_servers).servers
    assert shown.key_ends_with == KEY[:4][::-1]
    assert KEY not in str(shown)
    with database.session(SYSTEM) as session:
        for table in ("provider_endpoints", "audit_events"):
            rows = session.scalars(text(f"SELECT t::text FROM {table} t")).all()
            assert rows
            assert not any(KEY[:12] in row or KEY[::-1][:12] in row for row in rows)
        assert session.scalar(select(func.count()).where(AuditEvent.after["sealed_secret"].is_not(None))) == 0
        assert session.scalar(select(func.count()).where(AuditEvent.after["key_given_at"].is_not(None))) == 2


def test_a_row_that_was_bent_to_another_address_opens_no_key(
    workspace: Workspace, database: Database, tmp_path: Path
) -> None:
    create(workspace, tmp_path, KEY, key_source="database")
    with database.session(SYSTEM) as session:
        session.execute(text("UPDATE provider_endpoints SET address = 'https://elsewhere.example/v1'"))
        session.commit()
    with pytest.raises(ConfigurationError, match="give it again"):
        endpoint(workspace, tmp_path)


def test_a_key_that_moves_elsewhere_leaves_nothing_here(
    workspace: Workspace, database: Database, tmp_path: Path
) -> None:
    saved = create(workspace, tmp_path, KEY, key_source="database")
    edit(workspace, tmp_path, saved, key_source="none")
    assert key_at(workspace, tmp_path) is None
    with database.session(SYSTEM) as session:
        row = session.scalars(select(ProviderEndpoint)).one()
        assert (row.sealed_secret, row.key_ends_with, row.key_given_at) == (None, None, None)


def test_the_rehearsal_stands_in_until_a_model_server_is_enabled(
    workspace: Workspace, database: Database, tmp_path: Path
) -> None:
    system = Workspace(database, SYSTEM)
    address = "http://127.0.0.1:5001"
    assert not workspace.read(providers.is_rehearsing)
    assert system.act(lambda session: providers.offer_rehearsal(session, address))
    assert workspace.read(providers.is_rehearsing)
    for provider in ModelProvider:
        found = endpoint(workspace, tmp_path, provider)
        assert (found.provider, found.address, found.is_rehearsal) == ("ollama", address, True)
    assert system.act(lambda session: providers.offer_rehearsal(session, f"{address}1"))
    assert endpoint(workspace, tmp_path).address == f"{address}1"
    saved = create(workspace, tmp_path)
    assert not workspace.read(providers.is_rehearsing)
    assert not endpoint(workspace, tmp_path).is_rehearsal
    with pytest.raises(ConfigurationError):
        endpoint(workspace, tmp_path, ModelProvider.OLLAMA)
    assert not system.act(lambda session: providers.offer_rehearsal(session, address))
    assert [server.name for server in workspace.read(list_model_servers).servers] == ["OpenAI"]
    edit(workspace, tmp_path, saved, is_enabled=False)
    assert system.act(lambda session: providers.offer_rehearsal(session, address))
    assert not system.act(lambda session: providers.offer_rehearsal(session, None))
    assert not workspace.read(providers.is_rehearsing)


def test_nobody_edits_the_rehearsal(workspace: Workspace, database: Database) -> None:
    Workspace(database, SYSTEM).act(lambda session: providers.offer_rehearsal(session, "http://127.0.0.1:5001"))
    (shown,) = workspace.read(list_model_servers).servers
    with pytest.raises(NotAllowed, match="by itself"):
        workspace.act(partial(providers.delete_endpoint, endpoint_id=shown.id, expected_updated_at=shown.updated_at))


def test_an_ollama_of_this_machine_is_adopted_where_the_team_can_use_it(
    workspace: Workspace, database: Database, tmp_path: Path
) -> None:
    system = Workspace(database, SYSTEM)
    with database.session(SYSTEM) as session:
        session.add(AgentConfiguration(agent_id="t", assigned_llm="llama3.1:8b", model_provider=ModelProvider.OLLAMA))
        session.commit()

    def adopt(*models: str) -> bool:
        return system.act(lambda session: providers.adopt(session, OLLAMA["address"], frozenset(models)))

    assert not adopt("gemma3:4b")
    assert adopt("gemma3:4b", "llama3.1:8b")
    assert endpoint(workspace, tmp_path, ModelProvider.OLLAMA).address == OLLAMA["address"]
    (shown,) = workspace.read(list_model_servers).servers
    workspace.act(partial(providers.delete_endpoint, endpoint_id=shown.id, expected_updated_at=shown.updated_at))
    assert not adopt("llama3.1:8b")
