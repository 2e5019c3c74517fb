"""Log files that do not grow for ever."""

import io
from pathlib import Path

from helios_core.supervision.logs import KEPT, LogFile


def test_it_keeps_what_it_is_given(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs" / "serve.log")
    log.copy(io.BytesIO(b"one\ntwo\nthree"))
    assert log.path.read_bytes() == b"one\ntwo\nthree"
    assert log.tail(2) == ["two", "three"]


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs" / "serve.log")
    assert log.path.parent.stat().st_mode & 0o077 == 0


def test_an_old_log_goes_on(tmp_path: Path) -> None:
    LogFile(tmp_path / "serve.log").write(b"yesterday\n")
    LogFile(tmp_path / "serve.log").write(b"today\n")
    assert LogFile(tmp_path / "serve.log").tail() == ["yesterday", "today"]


def test_a_full_one_starts_anew_and_only_the_last_ones_stay(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "serve.log", limit_bytes=100)
    for number in range(100):
        log.write(b"line %04d\n" % number)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["serve.log", *(f"serve.log.{n}" for n in range(1, KEPT + 1))]
    assert all(file.stat().st_size <= 100 for file in files)
    kept = b"".join(file.read_bytes() for file in [*reversed(files[1:]), files[0]]).splitlines()
    assert kept == [b"line %04d" % number for number in range(100 - len(kept), 100)]


def test_what_was_not_said_has_no_end(tmp_path: Path) -> None:
    assert LogFile(tmp_path / "silent.log").tail() == []
