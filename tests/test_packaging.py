"""The wheel: whole, and as good as the checkout where it is installed elsewhere."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installations import Installation

ROOT = Path(__file__).parents[1]
UV = os.environ.get("UV") or shutil.which("uv")
IN_WHEEL = {"migrations": "helios_core/bundled/migrations", ".streamlit": "helios_core/bundled/.streamlit"}
"""Where the wheel keeps folders that stand at the top of a checkout."""

pytestmark = pytest.mark.skipif(UV is None, reason="uv is not installed here")


def uv(*arguments: str | Path) -> None:
    """Run uv, quietly."""
    subprocess.run([str(UV), "--quiet", *map(str, arguments)], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `uv build` makes of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", folder, ROOT)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `helios` of a virtual environment that holds the wheel and what it asks for, and nothing of the checkout."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    uv("venv", "--python", sys.executable, environment)
    uv("pip", "install", "--python", environment / "bin/python", wheel)
    return environment / "bin/helios"


@pytest.fixture
def installation(installed: Path) -> Iterator[Installation]:
    """A folder for the installed Helios."""
    with Installation([installed]) as installation:
        yield installation


def shipped() -> Iterator[str]:
    """Everything of the checkout that Helios needs to run, under its name in the wheel."""
    for folder in ("helios_core", "dashboard", "migrations", ".streamlit"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{IN_WHEEL.get(folder, folder)}/{path.relative_to(ROOT / folder).as_posix()}"


def test_nothing_is_missing_in_it_and_nothing_else_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert inside == set(shipped())


def test_it_carries_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()


def test_installed_it_runs_as_the_checkout_does(installation: Installation) -> None:
    installation.start_until_ready()
    assert installation.is_healthy()
    assert installation.status_of("/") == 200
    agents = json.loads(installation.run("agents", "--json").stdout)
    assert len(agents) == 12
    assert "nothing waits" in installation.run("db", "status").stdout
    assert installation.run("doctor").returncode == 0
    assert installation.stop() == 0
