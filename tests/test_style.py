"""What the tools say of every file: rules, layout, types."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = {
    "rules": ("ruff", "check"),
    "layout": ("ruff", "format", "--check"),
    "types": ("mypy",),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_file_keeps_the_house_style(tool: str) -> None:
    done = subprocess.run([sys.executable, "-m", *TOOLS[tool]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
