"""A backup is real: it comes back row for row, and users stay apart in it."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, make_url

from helios_core.database import migrating
from helios_core.database.backup import backup, restore
from helios_core.database.engine import connect, open_database
from helios_core.database.server import EmbeddedServer, ServerUrls
from helios_core.errors import BackupFailed, NotFound, Refused
from helios_core.settings import Settings
from tests.catalog import contents, definitions, tables
from tests.database.servers import open_folder
from tests.isolation.filled import at, fill_all
from tests.isolation.lints import complaints


def settings_of(urls: ServerUrls, **changed: object) -> Settings:
    return Settings(database_url=urls.application, owner_url=urls.owner).model_copy(update=changed)


def described(urls: ServerUrls) -> tuple[dict[str, tuple[int, str]], set[str]]:
    """What every table holds, and all that the schema defines."""
    engine: Engine = connect(urls.owner)
    try:
        with engine.connect() as connection:
            return contents(connection, list(tables(connection))), definitions(connection)
    finally:
        engine.dispose()


def test_a_backup_comes_back_row_for_row_and_keeps_users_apart(
    urls: ServerUrls, blank: ServerUrls, tmp_path: Path
) -> None:
    fill_all(urls)
    file = tmp_path / "helios.backup"
    assert backup(settings_of(urls), file) == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    restore(settings_of(blank), file)
    assert described(blank) == described(urls)
    with at(blank) as restored:
        assert restored.matrix.leaks(restored.application) == []
        assert complaints(restored.owner, restored.tables) == {}
    open_database(settings_of(blank)).close()


def test_what_a_downgrade_archived_is_in_the_backup(urls: ServerUrls, blank: ServerUrls, tmp_path: Path) -> None:
    fill_all(urls)
    before = described(urls)
    migrating.downgrade(urls.owner, "platform")
    backup(settings_of(urls), tmp_path / "old.backup")
    restore(settings_of(blank), tmp_path / "old.backup")
    assert described(blank) == before


def test_only_an_empty_database_is_restored_into(urls: ServerUrls, tmp_path: Path) -> None:
    file = tmp_path / "helios.backup"
    backup(settings_of(urls), file)
    with pytest.raises(Refused, match="restore into an empty one"):
        restore(settings_of(urls), file)


def test_no_file_is_overwritten_or_left_half_written(urls: ServerUrls, tmp_path: Path) -> None:
    file = tmp_path / "helios.backup"
    file.write_text("mine")
    with pytest.raises(Refused, match="choose another name"):
        backup(settings_of(urls), file)
    file.unlink()
    with pytest.raises(BackupFailed, match="permission denied"):
        backup(settings_of(urls, owner_url=urls.application), file)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_changes_nothing(blank: ServerUrls, urls: ServerUrls, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        restore(settings_of(blank), tmp_path / "nowhere")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fill_all(urls)
    backup(settings_of(urls), whole)
    for length in (0, 100, whole.stat().st_size * 9 // 10):
        broken.write_bytes(whole.read_bytes()[:length])
        with pytest.raises(BackupFailed, match="nothing was changed"):
            restore(settings_of(blank), broken)
        assert described(blank)[0] == {}


def test_the_applications_role_cannot_restore(urls: ServerUrls, blank: ServerUrls, tmp_path: Path) -> None:
    file = tmp_path / "helios.backup"
    backup(settings_of(urls), file)
    with pytest.raises(BackupFailed, match="permission denied for schema public"):
        restore(settings_of(blank, owner_url=blank.application), file)


def test_passwords_stay_out_of_the_list_of_processes_and_of_errors(urls: ServerUrls, tmp_path: Path) -> None:
    wrong = make_url(urls.owner.get_secret_value()).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(BackupFailed, match="nowhere") as failed:
        backup(settings_of(urls, owner_url=SecretStr(wrong)), tmp_path / "x")
    assert str(make_url(wrong).password) not in str(failed.value)


def test_an_embedded_server_is_started_for_a_restore_into_a_new_folder(urls: ServerUrls, tmp_path: Path) -> None:
    fill_all(urls)
    backup(settings_of(urls), tmp_path / "helios.backup")
    with open_folder() as place:
        new = Settings(HELIOS_DATA=place / "data")
        restore(new, tmp_path / "helios.backup")
        server = EmbeddedServer(new.data_dir)
        assert not server.is_alive()
        try:
            assert described(server.start()) == described(urls)
        finally:
            server.stop()
