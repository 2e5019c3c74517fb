"""How a command ends: an exit code that means something, and an error as one sentence."""

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from helios_core import errors

EXIT_CODES = {
    0: "done",
    1: "failed; of `doctor`: a problem was found",
    2: "the command was not written as --help says",
    3: "no database answers, or its schema is older than this Helios",
    4: "there is no such thing",
    5: "refused: not allowed, or against what is stored; of `import`: some file was refused",
    6: "the installation is set up wrongly, runs already, or its port is taken",
    75: "of `work`: it was not seen in time, and other workers have what it held",
    130: "stopped by Ctrl-C before it was done",
}
CODE_OF: tuple[tuple[type[errors.HeliosError], int], ...] = (
    (errors.DatabaseUnavailable, 3),
    (errors.NotFound, 4),
    (errors.NotAllowed, 5),
    (errors.Refused, 5),
    (errors.ImportRefused, 5),
    (errors.ConfigurationError, 6),
    (errors.HeliosError, 1),
)


@contextmanager
def ending_well() -> Iterator[None]:
    """End the process with a sentence and a code of EXIT_CODES, whatever the block raises."""
    try:
        yield
    except errors.HeliosError as error:
        fail(str(error), code_of(type(error)))
    except PermissionError as error:
        fail(f"{error.filename} is not yours to use; run this as the user who runs Helios.", 5)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # noqa: BLE001 (a bug: its traceback is kept, and not thrown at the operator)
        if "--supervisor" in sys.argv:  # a part of `helios up`: its log is the place
            traceback.print_exc()
            sys.exit(1)
        fail(f"Helios failed in a way it did not expect ({describe(error)}); the details are in {keep_traceback()}.", 1)


def code_of(error: type[errors.HeliosError]) -> int:
    """The exit code that tells a program what kind of error this is."""
    return next(code for kind, code in CODE_OF if issubclass(error, kind))


def fail(message: str, code: int) -> None:
    """Print one sentence where errors belong, and end."""
    print(message, file=sys.stderr)  # noqa: T201 (this is the terminal)
    sys.exit(code)


def describe(error: Exception) -> str:
    """The error's kind and its first line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def keep_traceback() -> str:
    """Write the present error's traceback to a file of its own, and name it."""
    with tempfile.NamedTemporaryFile("w", prefix="helios-error-", suffix=".txt", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name
