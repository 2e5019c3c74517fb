"""A server of one's own, set up as docs/database.md says: any PostgreSQL from 15 on."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from helios_core.database import migrating
from helios_core.database.account import account_for
from helios_core.database.binaries import find_binaries
from helios_core.database.engine import open_database
from helios_core.database.session import SYSTEM
from helios_core.errors import ConfigurationError, DatabaseUnavailable, UnsafeRole
from helios_core.models import GPUResource
from helios_core.settings import Settings
from tests.conftest import at_database
from tests.database.test_documentation import STATEMENTS

DEBIAN = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").exists()]


@pytest.fixture(scope="module", params=[None, *DEBIAN], ids=lambda path: "wheel" if path is None else path.parent.name)
def external(request: pytest.FixtureRequest) -> Iterator[tuple[SecretStr, SecretStr]]:
    """The URLs of the two roles of the documentation, on a server that knows nothing of Helios."""
    with tempfile.TemporaryDirectory(prefix="helios-external-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "server").mkdir()
        account = account_for(folder / "server")
        binaries = find_binaries(account, request.param, folder / "binaries")
        if not account.is_me:
            os.chown(folder / "server", account.uid, account.gid)
        cluster, port = folder / "server/cluster", free_port()
        account.run([binaries / "initdb", "-D", cluster, "--auth=trust", "--username=root", "--no-locale"])
        control: list[str | Path] = [binaries / "pg_ctl", "-D", cluster, "-w", "-l", folder / "server/log"]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        account.run([*control, "start", "-o", options])
        with psycopg.connect(f"host=127.0.0.1 port={port} user=root dbname=postgres", autocommit=True) as connection:
            for statement in "".join(sql for role, sql in STATEMENTS if role == "superuser").splitlines():
                connection.execute(statement.encode())
        yield (
            SecretStr(f"postgresql://helios_owner@127.0.0.1:{port}/helios"),
            SecretStr(f"postgresql://helios_app@127.0.0.1:{port}/helios"),
        )
        account.run([*control, "stop", "-m", "immediate"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_two_roles_are_enough(external: tuple[SecretStr, SecretStr]) -> None:
    owner, application = external
    migrating.upgrade(owner, "helios_app")
    migrating.check(owner)
    database = open_database(Settings(database_url=application))
    with database.session(SYSTEM) as session:
        session.add(GPUResource(uuid="GPU-1", name="NVIDIA L40S", host="rack", total_memory_mb=46068))
        session.commit()
    database.close()
    migrating.downgrade(owner, "base")
    migrating.upgrade(owner, "helios_app")
    database = open_database(Settings(database_url=application))
    with database.session(SYSTEM) as session:
        assert session.scalar(text("SELECT count(*) FROM gpu_resources")) == 1
    database.close()


def test_the_owner_may_not_serve(external: tuple[SecretStr, SecretStr]) -> None:
    owner, _ = external
    migrating.upgrade(owner, "helios_app")
    with pytest.raises(UnsafeRole, match="owns the tables"):
        open_database(Settings(database_url=owner))


def test_a_role_that_policies_do_not_hold_for_may_not_serve(external: tuple[SecretStr, SecretStr]) -> None:
    owner, application = external
    migrating.upgrade(owner, "helios_app")
    roles = {
        "root": "is a superuser",
        "seer": "bypasses row-level security",
        "heir": "owns the tables",
    }
    with psycopg.connect(as_role(application, "root").get_secret_value(), autocommit=True) as superuser:
        superuser.execute("DROP ROLE IF EXISTS seer, heir")
        superuser.execute("CREATE ROLE seer LOGIN BYPASSRLS")
        superuser.execute("CREATE ROLE heir LOGIN IN ROLE helios_owner")
    for role, reason in roles.items():
        with pytest.raises(UnsafeRole, match=reason):
            open_database(Settings(database_url=as_role(application, role)))


def as_role(url: SecretStr, role: str) -> SecretStr:
    return SecretStr(make_url(url.get_secret_value()).set(username=role).render_as_string())


def test_a_database_that_cannot_keep_every_text_is_refused(external: tuple[SecretStr, SecretStr]) -> None:
    owner, _ = external
    with pytest.raises(ConfigurationError, match="ENCODING 'UTF8'"):
        migrating.upgrade(at_database(owner, "postgres"), "helios_app")


def test_a_database_that_does_not_answer_is_said_to_be_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable, match="helios up"):
        open_database(Settings(database_url=SecretStr("postgresql://helios_app@127.0.0.1:1/helios")))


def test_another_database_than_postgresql_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="sqlite"):
        open_database(Settings(database_url=SecretStr("sqlite:///x.db")))
