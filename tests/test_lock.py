"""requirements.lock: every package that an installation gets, with its hashes, as of today's pyproject.toml."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
COMMAND = "uv pip compile --universal --generate-hashes --python-version 3.11 pyproject.toml -o requirements.lock"
UV = os.environ.get("UV") or shutil.which("uv")


@pytest.mark.skipif(UV is None, reason="uv is not installed here")
def test_it_is_what_the_project_asks_for(tmp_path: Path) -> None:
    resolved = tmp_path / "requirements.lock"
    shutil.copy(LOCK, resolved)
    command = COMMAND.replace("-o requirements.lock", f"--quiet --custom-compile-command '{COMMAND}' -o {resolved}")
    subprocess.run(f"{UV} {command.removeprefix('uv ')}", shell=True, cwd=ROOT, check=True)
    assert resolved.read_text("utf-8") == LOCK.read_text("utf-8"), f"run: {COMMAND}"


def test_it_names_no_registry() -> None:
    assert not re.search(r"https?://|^-|--(extra-)?index|--find-links", LOCK.read_text("utf-8"), re.MULTILINE)


def test_every_package_has_its_hashes() -> None:
    packages = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", LOCK.read_text("utf-8"), flags=re.MULTILINE))
    assert len(packages) > 30
    for package in packages:
        assert re.match(r"[a-z0-9-]+==\S+", package), package
        assert "--hash=sha256:" in package, package


def test_direct_dependencies_are_pinned_to_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    direct = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    pinned = re.compile(r"[a-z0-9-]+(\[[a-z]+\])?==[\w.]+")
    assert [dependency for dependency in direct if not pinned.fullmatch(dependency)] == []
