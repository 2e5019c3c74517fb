"""The commands, run as an operator runs them."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from helios_core import cli, errors, exits
from helios_core.database.server import ServerUrls
from tests import forked
from tests.test_docs import commands
from tests.waiting import eventually

SAMPLES = Path(__file__).parents[1] / "helios_core/ingest/samples"
UNSET = {name: value for name, value in os.environ.items() if not name.startswith("HELIOS_")}


def helios(line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `helios LINE` with nothing configured but `environment`."""
    command = [sys.executable, "-m", "helios_core", *shlex.split(line)]
    return forked.run(command, environment=UNSET | {"COLUMNS": "120"} | environment, folder=Path.cwd())


class Connected:
    """Commands on a database that is there."""

    def __init__(self, urls: ServerUrls) -> None:
        self.environment = {
            "HELIOS_DATABASE_URL": urls.application.get_secret_value(),
            "HELIOS_OWNER_URL": urls.owner.get_secret_value(),
        }

    def __call__(self, line: str) -> "subprocess.CompletedProcess[str]":
        return helios(line, **self.environment)

    def printed(self, line: str) -> str:
        """What a command prints that succeeds."""
        done = self(line)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture
def connected(urls: ServerUrls) -> Iterator[Connected]:
    """Commands on the test's own database, which nobody may be connected to when it is dropped."""
    yield Connected(urls)
    with psycopg.connect(psql_url(urls), autocommit=True) as owner:  # a transaction would see the same ones for ever
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert eventually(lambda: owner.execute(others).fetchone() == (0,))


@pytest.fixture
def empty(urls: ServerUrls, connected: Connected) -> Connected:
    """Commands on a database without any table."""
    with psycopg.connect(psql_url(urls)) as owner:
        owner.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")
    return connected


def psql_url(urls: ServerUrls) -> str:
    """The owner's way to the database."""
    return urls.owner.get_secret_value().replace("+psycopg", "")


def is_one_sentence(text_: str) -> bool:
    """Whether an error is as an operator should see it."""
    return "Traceback" not in text_ and len(text_.splitlines()) == 1 and text_.rstrip().endswith((".", ")"))


@pytest.mark.parametrize("command", [*commands(cli.app), "helios", "helios db", "helios users"])
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(cli.app, [*command.split()[1:], "--help"], prog_name="helios")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: {command}")
    assert "..." not in done.stdout.partition("Commands:")[2]


def test_help_loads_nothing_heavy() -> None:
    program = "import sys, helios_core.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {"typer", "helios_core"} <= set(loaded)
    assert not {"sqlalchemy", "pydantic", "streamlit", "alembic", "psycopg", "pandas", "rich"} & set(loaded)


def test_it_tells_its_version() -> None:
    assert helios("--version").stdout == "Helios 0.1.0\n"


def kinds(error: type[errors.HeliosError]) -> Iterator[type[errors.HeliosError]]:
    """`error` and every kind of it."""
    yield error
    for kind in error.__subclasses__():
        yield from kinds(kind)


def test_every_error_has_a_documented_exit_code() -> None:
    codes = {kind: exits.code_of(kind) for kind in kinds(errors.HeliosError)}
    assert len(codes) > 10
    assert set(codes.values()) <= set(exits.EXIT_CODES) - {0, 2}
    assert codes[errors.SchemaOutdated] == 3
    assert codes[errors.EditConflict] == 5


def test_a_wrong_command_is_a_usage_error() -> None:
    done = helios("launch")
    assert done.returncode == 2
    assert "No such command 'launch'" in done.stderr


@pytest.mark.parametrize("line", ["agents", "db url", "db status", "users list", "export 1", "import nothing.json"])
def test_without_a_database_it_says_how_to_start_one(line: str, tmp_path: Path) -> None:
    done = helios(f"{line} --data {tmp_path}")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "`helios up`" in done.stderr
    assert is_one_sentence(done.stderr)


def test_a_database_that_does_not_answer_is_a_sentence() -> None:
    done = helios("agents", HELIOS_DATABASE_URL="postgresql://somebody:secret@127.0.0.1:1/helios")
    assert done.returncode == 3
    assert is_one_sentence(done.stderr)
    assert "secret" not in done.stderr


@pytest.mark.parametrize(("name", "value"), [("HELIOS_PORT", "many"), ("HELIOS_SAMPLE_INTERVAL_SECONDS", "-1")])
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    done = helios("doctor", **{name: value})
    assert done.returncode == 6
    assert name in done.stderr
    assert is_one_sentence(done.stderr)


def test_the_schema_goes_up_and_down(connected: Connected) -> None:
    status = json.loads(connected.printed("db status --json"))
    assert status["current"] == status["head"]
    assert status["pending"] == []
    assert connected.printed("db upgrade") == "The schema is up to date.\n"
    assert connected.printed("db downgrade base") == "The schema is at base.\n"
    waiting = json.loads(connected.printed("db status --json"))["pending"]
    assert connected.printed("db upgrade") == f"Applied {', '.join(waiting)}.\n"
    assert "nothing waits" in connected.printed("db status")


def test_an_empty_database_waits_for_an_upgrade(empty: Connected) -> None:
    done = empty("agents")
    assert done.returncode == 3
    assert "helios db upgrade" in done.stderr
    assert is_one_sentence(done.stderr)


@pytest.mark.parametrize(("option", "role"), [("", "helios_app"), ("--owner", "helios_owner")])
def test_the_printed_url_connects(connected: Connected, option: str, role: str) -> None:
    with psycopg.connect(connected.printed(f"db url {option}").strip()) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (role,)


def test_expired_data_is_shown_and_then_deleted(connected: Connected, urls: ServerUrls) -> None:
    assert connected.printed("db retention").startswith("Everything is kept for ever")
    with psycopg.connect(psql_url(urls)) as owner:
        owner.execute(
            "INSERT INTO gpu_events (severity, message, occurred_at) VALUES ('ok', 'Back.', now() - interval '9 days')"
        )
    (shown,) = json.loads(connected.printed("db retention --keep gpu_events=7 --json"))
    assert (shown["data_class"], shown["keep_days"], shown["row_count"]) == ("gpu_events", 7, 1)
    assert connected.printed("db retention --apply").endswith("Deleted 1 of gpu_events.\n")
    (left,) = json.loads(connected.printed("db retention --json"))
    assert left["row_count"] == 0
    assert connected.printed("db retention --keep gpu_events=ever").startswith("Everything is kept for ever")
    assert connected("db retention --keep gpu_events=soon").returncode == 2
    assert connected("db retention --keep users=7").returncode == 5


def test_conversations_go_in_once_and_come_out_again(connected: Connected) -> None:
    sample = next(SAMPLES.glob("*.json"))
    [first] = json.loads(connected.printed(f"import --json {sample}"))
    assert first["result"]["is_new"]
    assert connected.printed(f"import {sample}").startswith("there already: ")
    exported = json.loads(connected.printed(f"export {first['result']['conversation_id']}"))
    original = json.loads(sample.read_text("utf-8"))
    assert exported["title"] == first["result"]["title"]
    assert [message["content"] for message in exported["messages"]] == [m["content"] for m in original["messages"]]


def test_a_broken_file_is_refused_and_the_others_are_taken(connected: Connected, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"title": ', "utf-8")
    sample = next(SAMPLES.glob("*.json"))
    done = connected(f"import {broken} {sample}")
    assert done.returncode == 5
    lines = done.stdout.splitlines()
    assert lines[0].startswith("refused: broken.json")
    assert lines[1].startswith("imported: ")


def test_an_unknown_conversation_has_an_exit_code_of_its_own(connected: Connected) -> None:
    done = connected("export 4711")
    assert (done.returncode, done.stdout) == (4, "")
    assert "4711" in done.stderr


def test_the_operator_is_the_first_user(connected: Connected) -> None:
    [user] = json.loads(connected.printed("users list --json"))
    assert user["role"] == "admin"
    assert user["username"] in connected.printed("users list")


def test_doctor_finds_a_sound_installation_sound(connected: Connected, tmp_path: Path) -> None:
    done = connected(f"doctor --json --data {tmp_path / 'data'}")
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0
    assert findings["database"]["level"] == "ok"
    assert {finding["level"] for finding in findings.values()} <= {"ok", "warning"}
    assert findings["models"]["message"] == "no model server is enabled"
    assert not (tmp_path / "data").exists()


def test_doctor_says_which_model_server_does_not_answer(connected: Connected, urls: ServerUrls, tmp_path: Path) -> None:
    with psycopg.connect(psql_url(urls)) as owner:
        owner.execute(
            "INSERT INTO provider_endpoints (provider, name, address) VALUES ('ollama', 'Ollama', 'http://127.0.0.1:9')"
        )
    done = connected(f"doctor --data {tmp_path / 'data'}")
    assert done.returncode == 1
    assert "check that Ollama runs" in done.stdout


def test_doctor_says_that_nobody_is_there_to_work(connected: Connected, urls: ServerUrls, tmp_path: Path) -> None:
    doctor = f"doctor --data {tmp_path / 'data'}"
    assert "none is there; a question would wait" in connected(doctor).stdout
    with psycopg.connect(psql_url(urls)) as owner:
        owner.execute(
            "WITH mira AS (INSERT INTO users (username) VALUES ('mira') RETURNING id), asked AS (INSERT INTO "
            "multi_agent_conversations (user_id, title) SELECT id, 'Why?' FROM mira RETURNING user_id, id) "
            "INSERT INTO conversation_runs (user_id, conversation_id, requested_at) "
            "SELECT user_id, id, now() - interval '1 minute' FROM asked"
        )
    done = connected(doctor)
    assert done.returncode == 1
    assert "none is there, and conversations wait: 1" in done.stdout
    assert "`helios work`" in done.stdout


def test_doctor_names_a_problem_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = helios(f"doctor --data {tmp_path / 'file' / 'data'}")
    assert done.returncode == 1
    [problem] = [line for line in done.stdout.splitlines() if line.startswith("problem  data ")]
    assert "cannot be written" in problem
    assert "--data" in done.stdout


def test_a_database_comes_back_from_its_backup(connected: Connected, urls: ServerUrls, tmp_path: Path) -> None:
    file = tmp_path / "helios.backup"
    assert "holds the whole database" in connected.printed(f"db backup {file}")
    refused = connected(f"db restore {file}")
    assert (refused.returncode, is_one_sentence(refused.stderr)) == (5, True)
    with psycopg.connect(psql_url(urls)) as owner:
        owner.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")
    connected.printed(f"db restore {file}")
    assert "nothing waits" in connected.printed("db status")
