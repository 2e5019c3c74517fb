"""docs/database.md tells the truth: its SQL runs, its tables and transitions are those of the schema."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import Database, Principal
from helios_core.models import Base

PAGE = (Path(__file__).parents[2] / "docs/database.md").read_text("utf-8")
STATEMENTS = [(role, sql) for role, sql in re.findall(r"```sql\n-- (\w+): [^\n]*\n(.*?)```", PAGE, re.DOTALL)]


def test_every_statement_names_its_role() -> None:
    assert len(STATEMENTS) == PAGE.count("```sql")
    assert {role for role, _ in STATEMENTS} == {"owner", "operator", "member", "application", "superuser"}


@pytest.mark.parametrize("role", ["owner", "application", "operator", "member"])
def test_every_statement_runs(
    role: str, urls: ServerUrls, database: Database, operator: Principal, member: Principal
) -> None:
    statements = [sql for named, sql in STATEMENTS if named == role]
    if role in {"owner", "application"}:
        engine = connect(urls.owner if role == "owner" else urls.application)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()
        return
    with database.session(operator if role == "operator" else member) as session:
        for statement in statements:
            session.connection().exec_driver_sql(statement)


def test_every_table_is_described() -> None:
    described = set(re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE))
    assert described == set(Base.metadata.tables)


def test_the_transitions_are_those_of_the_triggers(database: Database, operator: Principal) -> None:
    documented = set()
    for column, rows in re.findall(r"`(\w+\.\w+)`[^|`]*\| from \| to \|\n\|---\|---\|\n((?:\|[^\n]*\n)+)", PAGE):
        for before, afters in re.findall(r"^\| (\w+) \| (.+) \|$", rows, re.MULTILINE):
            documented |= {(column, before.replace("none", ""), after) for after in afters.split(", ")}
    with database.session(operator) as session:
        triggers = session.execute(
            text(
                "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger "
                "WHERE tgname LIKE '%\\_transition' AND NOT tgisinternal"
            )
        ).all()
    enforced = set()
    for table, definition in triggers:
        column = re.findall(r"helios_check_transition\('(\w+)'", definition)[0]
        enforced |= {(f"{table}.{column}", *pair) for pair in re.findall(r"'(\w*)>(\w+)'", definition)}
    assert documented == enforced
