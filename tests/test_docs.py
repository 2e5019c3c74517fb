"""The documents say what is so: commands, settings, exit codes, links."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from pydantic_settings import BaseSettings

from helios_core import cli, exits
from helios_core.settings import Settings

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")


def commands(app: typer.Typer, prefix: str = "helios") -> Iterator[str]:
    """Every command of `app`, as it is typed."""
    for command in app.registered_commands:
        assert command.callback is not None
        yield f"{prefix} {command.name or command.callback.__name__.replace('_', '-')}"
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{prefix} {group.name}")


def variables(settings: type[BaseSettings]) -> set[str]:
    """The environment variable of every setting."""
    prefix = settings.model_config["env_prefix"]
    return {str(field.validation_alias or f"{prefix}{name.upper()}") for name, field in settings.model_fields.items()}


def test_the_readme_lists_every_command_and_no_other() -> None:
    assert set(re.findall(r"^\| `(helios [a-z ]+)`", README, re.MULTILINE)) == set(commands(cli.app))


def test_the_readme_begins_and_tests_in_one_line_each() -> None:
    install = "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install uv && python3 -m uv run"
    assert f"\n{install} --no-dev helios up\n" in README
    assert f"\n{install} pytest\n" in README


def test_ci_runs_the_tests_as_the_readme_says() -> None:
    [line] = re.findall(r"^PIP_BREAK.* pytest$", README, re.MULTILINE)
    assert (ROOT / ".ci/run").read_text("utf-8").rstrip().endswith(f"\n{line}")


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(re.findall(r"^\| `(HELIOS_\w+)`", OPERATIONS, re.MULTILINE)) == variables(Settings)


def test_exit_codes_are_those_of_the_commands() -> None:
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", OPERATIONS, re.MULTILINE)
    assert {int(code): meaning for code, meaning in documented} == exits.EXIT_CODES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", document.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []
