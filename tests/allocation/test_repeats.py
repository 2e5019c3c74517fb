"""The same fleet and the same requests have the same answer: always, and in every process."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from helios_core.allocation import losses
from tests.allocation.repeated import story

ROOT = Path(__file__).parents[2]
SEARCH, EXACT = 0.02, 0.1
"""An effort that ends with the local search, and one that goes on to the exact one."""


def test_a_hundred_repeats_are_the_same_to_the_byte() -> None:
    assert len({story(SEARCH) for _ in range(100)}) == 1


def test_who_has_no_numba_has_the_same_answer() -> None:
    with_numba = story(SEARCH)
    with patch.object(losses, "compiled", lambda: None):
        assert story(SEARCH) == with_numba


def test_the_exact_search_repeats_itself_too() -> None:
    assert len({story(EXACT) for _ in range(5)}) == 1


def test_another_process_with_other_hashes_decides_the_same() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-m", "tests.allocation.repeated", str(EXACT)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told == [story(EXACT)] * 2
