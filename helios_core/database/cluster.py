"""The database cluster of the embedded server: made as a whole or not at all, with its roles and its settings."""

import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from helios_core.database.account import Account
from helios_core.database.binaries import Binaries
from helios_core.errors import ServerFailed

OWNER, APPLICATION, DATABASE = "helios_owner", "helios_app", "helios"

HOST_RULES = f"host all {OWNER},{APPLICATION} 127.0.0.1/32 scram-sha-256\n"
"""pg_hba.conf: who may connect. The superuser is not in it and has no password: nobody connects as it."""

SETTINGS = {
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, a data folder's more
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than the short queries of a page
    "wal_compression": "on",
    "autovacuum_naptime": "15s",  # a new database is planned for as an empty one until it is analyzed
    "checkpoint_timeout": "15min",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",  # a file a weekday, overwritten a week later
    "log_truncate_on_rotation": "on",
    "log_rotation_size": "0",
    "log_checkpoints": "off",
    "log_min_duration_statement": "1s",
    "log_parameter_max_length": "0",  # values stay out of the log
}

_CREATE = """\
create role {owner} login createdb password '{owner_password}'
grant pg_read_all_settings to {owner}
create role {application} login password '{application_password}'
create database {database} owner {owner}
"""
"""The owner may make databases, to restore a backup beside the one that serves, and read settings, to see which
data directory it is connected to."""
_RENEW = """\
alter role {owner} password '{owner_password}'
alter role {application} password '{application_password}'
"""


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of both roles, new ones unless given."""

    owner: str = field(default_factory=secrets.token_hex, repr=False)
    application: str = field(default_factory=secrets.token_hex, repr=False)

    @classmethod
    def read(cls, file: Path) -> "Passwords | None":
        """Those in `file`; None where it is missing or broken."""
        try:
            return cls(**json.loads(file.read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, file: Path) -> None:
        """Keep them in `file`, which only this user may read."""
        replace_file(file, json.dumps(asdict(self)), mode=0o600)

    def fill(self, statements: str) -> str:
        """`statements` with the names and passwords in them."""
        return statements.format(
            owner=OWNER,
            application=APPLICATION,
            database=DATABASE,
            owner_password=self.owner,
            application_password=self.application,
        )


@dataclass(frozen=True, slots=True)
class Cluster:
    """The folder that PostgreSQL calls its data directory, and what it takes to work on it while no server runs."""

    folder: Path
    account: Account
    binaries: Binaries
    lock: int
    """An open descriptor; it stays open in every process at work here, which is how others know."""

    def ensure(self, passwords_file: Path) -> Passwords:
        """Make the cluster where there is none, and new passwords where they are lost."""
        passwords = Passwords.read(passwords_file)
        if self.folder.exists():
            self._check_version()
            if passwords is None:
                passwords = Passwords()
                self._execute(self.folder, passwords.fill(_RENEW))
                passwords.write(passwords_file)
            return passwords
        return self._create(passwords_file)

    def _create(self, passwords_file: Path) -> Passwords:
        """Make the cluster beside its place, and move it there when it is complete."""
        for leftover in self.folder.parent.glob("init.*"):
            shutil.rmtree(leftover)
        partial = self.folder.with_name(f"init.{os.getpid()}")
        passwords = Passwords()
        try:
            self._initdb(partial)
            self._execute(partial, passwords.fill(_CREATE))
            passwords.write(passwords_file)
            partial.rename(self.folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return passwords

    def _initdb(self, folder: Path) -> None:
        # The collation that is built in never changes with the machine's libraries; older servers lack it.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        locale = builtin if self.binaries.major >= 17 else ["--locale=C.UTF-8"]
        access = ["--username=postgres", "--auth=reject", "--no-instructions"]
        self._run("initdb", "-D", str(folder), *access, *locale, "--encoding=UTF8", "--data-checksums")

    def _execute(self, folder: Path, statements: str) -> None:
        """Run `statements`, one a line, as the superuser: without a server, so that nobody else can connect."""
        settings = ["-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"]  # an error would quote passwords
        self._run("postgres", "--single", "-D", str(folder), *settings, "postgres", text=statements)

    def _run(self, program: str, *arguments: str, text: str = "") -> None:
        done = self.account.run([self.binaries / program, *arguments], text=text, held=[self.lock])
        if done.returncode:
            message = (
                f"PostgreSQL could not set up its folder {self.folder.parent}; make sure that the disk has room "
                f"and lets user {self.account.name} write, then start again. It said: {last_lines(done.stdout)}"
            )
            raise ServerFailed(message)

    def _check_version(self) -> None:
        written_by = (self.folder / "PG_VERSION").read_text("utf-8").strip()
        if written_by != str(self.binaries.major):
            message = (
                f"The database in {self.folder} is of PostgreSQL {written_by}, and these programs are "
                f"{self.binaries.major}; set HELIOS_PG_BIN to programs of PostgreSQL {written_by}, "
                "or move its content over with a backup and restore."
            )
            raise ServerFailed(message)


def replace_file(file: Path, text: str, *, mode: int) -> None:
    """Write `file` so that others see all of it or none, even after a crash."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def last_lines(text: str, count: int = 6) -> str:
    """The end of a program's output, in one line."""
    return " | ".join(line.strip() for line in text.strip().splitlines()[-count:])
