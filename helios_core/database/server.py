"""The embedded PostgreSQL server: started on demand, found again, and stopped, whatever happened in between."""

import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pydantic import SecretStr

from helios_core.database.account import Account, account_for
from helios_core.database.binaries import Binaries, find_binaries
from helios_core.database.cluster import (
    APPLICATION,
    DATABASE,
    HOST_RULES,
    OWNER,
    SETTINGS,
    Cluster,
    Passwords,
    last_lines,
    replace_file,
)
from helios_core.database.postmaster import read_postmaster, runs_in
from helios_core.errors import DatabaseUnavailable, ServerFailed

START_SECONDS = 60.0
STOP_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
"""First close every session, then crash safely, then, where the process itself is stopped, kill it."""

_LAUNCH = 'log=$1; shift; "$@" >"$log" 2>&1 </dev/null &'
"""The server is nobody's child: it outlives whoever started it. (pg_ctl would let a shell read the folder's name.)"""


@dataclass(frozen=True, slots=True)
class ServerUrls:
    """Where the server is: as the role that owns the tables, and as the application's."""

    owner: SecretStr
    application: SecretStr


@dataclass(frozen=True, slots=True)
class Places:
    """The files below a data folder. All but `home` belong to whoever runs Helios, `home` to the server's account."""

    data_dir: Path

    @property
    def home(self) -> Path:
        """The server's own folder."""
        return self.data_dir / "postgres"

    @property
    def cluster(self) -> Path:
        """What PostgreSQL calls its data directory."""
        return self.home / "cluster"

    @property
    def passwords(self) -> Path:
        """The passwords of the roles."""
        return self.data_dir / "passwords.json"

    @property
    def port(self) -> Path:
        """The port that the server had last."""
        return self.data_dir / "port"

    @property
    def lock(self) -> Path:
        """Locked by every process at work in `home`."""
        return self.data_dir / "server.lock"

    @property
    def logs(self) -> Path:
        """What the server says: a file before it is up, then a file a weekday."""
        return self.home / "log"

    @property
    def host_rules(self) -> Path:
        """Who may connect."""
        return self.data_dir / "pg_hba.conf"


def server_urls(data_dir: Path) -> ServerUrls:
    """Where the server of `data_dir` is; refused where none answers."""
    places = Places(data_dir.resolve())
    with _explained(places):
        urls = _answering(places)
    if urls is None:
        message = f"No database runs in {data_dir}; start it with `helios up`, or name its folder with --data."
        raise DatabaseUnavailable(message)
    return urls


class EmbeddedServer:
    """The PostgreSQL server of one data folder. Objects hold nothing: any process may start, find or stop it."""

    def __init__(self, data_dir: Path, pg_bin: Path | None = None) -> None:
        self._places = Places(data_dir.resolve())
        self._pg_bin = pg_bin

    def is_alive(self) -> bool:
        """Whether the server of this folder, and no other, answers."""
        with _explained(self._places):
            return _answering(self._places) is not None

    def start(self) -> ServerUrls:
        """Start the server unless it runs, and say where it is."""
        with _explained(self._places):
            account = self._prepare_folders()
            if Passwords.read(self._places.passwords) is None:
                self.stop()  # whatever runs there, nobody can connect to it; new passwords need it stopped
            return self._start(account)

    def stop(self) -> None:
        """Stop the server, whoever started it; nothing happens where none runs."""
        with _explained(self._places):
            postmaster = read_postmaster(self._places.cluster)
            if postmaster and not self._signal_until_gone(postmaster.pid):
                message = f"The PostgreSQL server in {self._places.home} (process {postmaster.pid}) does not stop."
                raise ServerFailed(message)

    def _signal_until_gone(self, pid: int) -> bool:
        """Whether no server of this folder runs as `pid` any more; no other process is ever signalled."""
        for number, seconds in STOP_STEPS:
            if not runs_in(self._places.cluster, pid):
                return True
            os.kill(pid, number)
            if self._is_gone(pid, seconds):
                return True
        return False

    def _start(self, account: Account) -> ServerUrls:
        """Launch the server, or wait for whoever does; once more where its port was taken in between."""
        launches = 0
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if urls := _answering(self._places):
                return urls
            with _lock(self._places.lock) as lock:
                if lock is not None and launches == 2:
                    raise self._failure("does not start")
                if lock is not None:
                    self._launch(account, lock)
                    launches += 1
            time.sleep(0.02)
        raise self._failure("runs but does not answer")

    def _prepare_folders(self) -> Account:
        """Make the folders that are missing; those that exist stay as they are."""
        places = self._places
        _make_folder(places.data_dir, 0o711 if os.geteuid() == 0 else 0o700)
        account = account_for(places.home)
        if closed := account.closed_folder(places.data_dir):
            message = (
                f"The server runs as user {account.name}, who may not pass through {closed}; "
                f"allow it (chmod o+x {closed}), or choose another folder with --data."
            )
            raise ServerFailed(message)
        _make_folder(places.home, 0o700)
        if not account.is_me:
            os.chown(places.home, account.uid, account.gid)
        return account

    def _launch(self, account: Account, lock: int) -> None:
        """Begin to run the server. Nobody else is at work in its folder, and none can begin while `lock` is open."""
        places = self._places
        self._clear_stale_postmaster()
        binaries = find_binaries(account, self._pg_bin, places.data_dir / "binaries")
        Cluster(places.cluster, account, binaries, lock).ensure(places.passwords)
        port = _choose_port(places.port)
        replace_file(places.port, str(port), mode=0o600)
        replace_file(places.host_rules, HOST_RULES, mode=0o644)
        refusal = account.run(self._command(binaries, port), held=[lock]).stdout
        if refusal:
            raise self._failure(f"cannot be started: {refusal.strip()}")

    def _clear_stale_postmaster(self) -> None:
        """Remove a `postmaster.pid` that a crash left: whatever has that pid now, it is no server of this folder."""
        postmaster = read_postmaster(self._places.cluster)
        if postmaster and runs_in(self._places.cluster, postmaster.pid):
            raise self._failure(f"was started by other means (process {postmaster.pid}); stop that one first")
        (self._places.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _command(self, binaries: Binaries, port: int) -> list[str | Path]:
        places = self._places
        own = {"port": str(port), "hba_file": str(places.host_rules), "log_directory": str(places.logs)}
        options = [word for name, value in (SETTINGS | own).items() for word in ("-c", f"{name}={value}")]
        launch = ["/bin/sh", "-c", _LAUNCH, "sh", str(places.home / "startup.log")]
        return [*launch, binaries / "postgres", "-D", places.cluster, *options]

    def _is_gone(self, pid: int, seconds: float) -> bool:
        """Whether the server and all its processes have ended within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not runs_in(self._places.cluster, pid):
                with _lock(self._places.lock) as lock:
                    if lock is not None:
                        return True
            time.sleep(0.02)
        return False

    def _failure(self, what: str) -> ServerFailed:
        """The error that the server `what`, with the end of its newest log."""
        home = self._places.home
        logs = sorted([*home.glob("*.log"), *self._places.logs.glob("*.log")], key=lambda file: file.stat().st_mtime)
        said = f" {logs[-1]} ends: {last_lines(_end_of(logs[-1]))}" if logs else ""
        return ServerFailed(f"The PostgreSQL server in {home} {what}.{said}")


@contextmanager
def _explained(places: Places) -> Iterator[None]:
    """Tell what the file system refused as a sentence."""
    try:
        yield
    except OSError as error:
        message = (
            f"The data folder {places.data_dir} cannot be used ({error}); make room or give this user "
            "the right to read and write there, or choose another folder with --data."
        )
        raise ServerFailed(message) from error


def _end_of(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 4096))
        return stream.read().decode("utf-8", errors="replace")


def _answering(places: Places) -> ServerUrls | None:
    """Where the server of this folder is, if it answers; another folder's server on the same port does not count."""
    postmaster = read_postmaster(places.cluster)
    passwords = Passwords.read(places.passwords)
    if postmaster is None or passwords is None or not postmaster.ready:
        return None
    if _data_directory(postmaster.port, passwords.owner) != str(places.cluster):
        return None
    return ServerUrls(
        owner=_url(OWNER, passwords.owner, postmaster.port),
        application=_url(APPLICATION, passwords.application, postmaster.port),
    )


def _data_directory(port: int, password: str) -> str | None:
    """What the server at `port` calls its data directory; None where it does not know the owner's password."""
    try:
        with psycopg.connect(
            hostaddr="127.0.0.1",
            port=port,
            user=OWNER,
            password=password,
            dbname=DATABASE,
            connect_timeout=3,
            sslmode="disable",
            require_auth="scram-sha-256",  # whoever listens there has to know the password, and never learns it
        ) as connection:
            row = connection.execute("show data_directory").fetchone()
    except psycopg.OperationalError:
        return None
    return str(row[0]) if row else None


def _url(role: str, password: str, port: int) -> SecretStr:
    return SecretStr(f"postgresql+psycopg://{role}:{password}@127.0.0.1:{port}/{DATABASE}")


def _make_folder(folder: Path, mode: int) -> None:
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)


@contextmanager
def _lock(file: Path) -> Iterator[int | None]:
    """An open descriptor that holds the lock of `file`, or None where another process holds it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor if _try_flock(descriptor) else None
    finally:
        os.close(descriptor)


def _try_flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _choose_port(file: Path) -> int:
    """The port in `file` if it is free, or else any free one."""
    try:
        port = int(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        port = 0
    if port and _is_free(port):
        return port
    with socket.create_server(("127.0.0.1", 0)) as probe:
        chosen: int = probe.getsockname()[1]
    return chosen


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
