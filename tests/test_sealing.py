"""Secrets at rest: they open with the installation's key, for what they were sealed for."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from helios_core.errors import ConfigurationError
from helios_core.sealing import KEY_FILE, read_private, seal, unseal

SECRET = "sk-canary-0123456789"


def test_a_secret_comes_back_and_is_not_there_to_be_read(tmp_path: Path) -> None:
    first, second = (seal(SECRET, "openai", tmp_path) for _ in range(2))
    assert unseal(first, "openai", tmp_path) == unseal(second, "openai", tmp_path) == SECRET
    assert first != second
    assert SECRET.encode() not in base64.b64decode(first)


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    seal(SECRET, "openai", tmp_path)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_secret_does_not_open_for_something_else(tmp_path: Path) -> None:
    sealed = seal(SECRET, "openai https://api.openai.com/v1", tmp_path)
    with pytest.raises(ConfigurationError, match="give it again"):
        unseal(sealed, "openai https://elsewhere.example/v1", tmp_path)


def test_a_secret_does_not_open_with_another_key_or_when_it_was_changed(tmp_path: Path) -> None:
    sealed = seal(SECRET, "openai", tmp_path / "here")
    seal(SECRET, "openai", tmp_path / "there")
    with pytest.raises(ConfigurationError, match="give it again"):
        unseal(sealed, "openai", tmp_path / "there")
    data = bytearray(base64.b64decode(sealed))
    data[-1] ^= 1
    with pytest.raises(ConfigurationError, match="give it again"):
        unseal(base64.b64encode(data).decode(), "openai", tmp_path / "here")


def test_without_the_key_nothing_opens_and_no_new_one_is_made(tmp_path: Path) -> None:
    sealed = seal(SECRET, "openai", tmp_path)
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        unseal(sealed, "openai", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_whoever_seals_first_makes_the_key_for_all(tmp_path: Path) -> None:
    program = "import sys, pathlib, helios_core.sealing as s; print(s.seal(*sys.argv[1:3], pathlib.Path(sys.argv[3])))"
    command = [sys.executable, "-c", program, SECRET, "openai", str(tmp_path)]
    sealing = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    sealed = [process.communicate(timeout=60)[0].strip() for process in sealing]
    assert {unseal(one, "openai", tmp_path) for one in sealed} == {SECRET}


def test_a_file_that_others_may_read_or_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(SECRET)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_private(path)
    path.chmod(0o600)
    assert read_private(path) == SECRET.encode()
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_private(tmp_path / "link")
