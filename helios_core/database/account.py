"""The operating system's user that the embedded server runs as: PostgreSQL refuses to run as root."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helios_core.errors import ServerFailed

ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}
"""What the server sees: no PG* variable of its caller may lead it elsewhere, and its messages stay English."""

_PRINT_CLOSED = 'for folder; do [ -x "$folder" ] || { echo "$folder"; exit; }; done'


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    @property
    def is_me(self) -> bool:
        """Whether this process runs as this user already."""
        return self.uid == os.geteuid()

    def run(
        self, command: Sequence[str | Path], text: str = "", held: Sequence[int] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """Run `command` as this user in a session of its own, reading `text`; `held` descriptors stay open in it."""
        return subprocess.run(
            [str(word) for word in command],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            cwd="/",
            env=ENVIRONMENT,
            pass_fds=held,
            start_new_session=True,
            user=None if self.is_me else self.uid,
            group=None if self.is_me else self.gid,
            extra_groups=None if self.is_me else [],
        )

    def closed_folder(self, folder: Path) -> Path | None:
        """The first of `folder` and its parents that this user may not pass through."""
        path = [*reversed(folder.parents), folder]
        found = self.run(["/bin/sh", "-c", _PRINT_CLOSED, "sh", *path]).stdout.strip()
        return Path(found) if found else None


def my_account() -> Account:
    """The user that this process runs as."""
    return _account(os.geteuid(), os.getegid())


def account_for(home: Path) -> Account:
    """Who runs the server of `home`: the folder's owner; in a new one this user, or for root `postgres` or `nobody`."""
    me = os.geteuid()
    # What root leaves in another user's folder, that user could no longer use; and could lead astray.
    mine = home.parent if me == 0 else home
    if mine.exists() and mine.stat().st_uid != me:
        message = f"{mine} belongs to another user; run Helios as that user, or choose another folder with --data."
        raise ServerFailed(message)
    if me != 0:
        return my_account()
    owner = home.stat() if home.exists() else None
    return _account(owner.st_uid, owner.st_gid) if owner and owner.st_uid else _unprivileged()


def _account(uid: int, gid: int) -> Account:
    try:
        return Account(pwd.getpwuid(uid).pw_name, uid, gid)
    except KeyError:  # a container may run as a number that has no name
        return Account(str(uid), uid, gid)


def _unprivileged() -> Account:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    message = (
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`; run Helios as another user."
    )
    raise ServerFailed(message)
