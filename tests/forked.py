"""Commands of Helios, forked from a process that has imported all they need: it saves seconds of each start.

What only a process from scratch can show, such as what `helios` imports, is tested where it starts one.
"""

import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

_context = get_context("forkserver")
_context.set_forkserver_preload(["tests.preloaded"])


def start(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, output: Path, errors: Path
) -> ForkServerProcess:
    """Start `python -m MODULE ARGUMENT...`, given as `subprocess` would want it; output and errors go to files."""
    python, option, *rest = command
    assert (python, option) == (sys.executable, "-m")
    process = _context.Process(target=_be, args=(rest, dict(environment), folder, output, errors))
    # Otherwise the process would import what is the main module here: a runner of tests, or a page that was tested.
    with patch.dict(sys.modules, __main__=ModuleType("__main__")):
        process.start()
    return process


def run(command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    with tempfile.TemporaryDirectory() as kept:
        output, errors = Path(kept, "output"), Path(kept, "errors")
        process = start(command, environment=environment, folder=folder, output=output, errors=errors)
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(command, process.exitcode, output.read_text(), errors.read_text())


def _be(rest: Sequence[str], environment: Mapping[str, str], folder: Path, output: Path, errors: Path) -> None:
    """Become the command."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for path, descriptor in ((os.devnull, 0), (output, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), descriptor)
    module, *arguments = rest
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
