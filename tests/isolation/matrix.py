"""What one user can learn of another's rows, or do to them: every operation at every table, from the catalog.

Each attempt is made twice: at the other user's row, and at one that is nobody's and nowhere. Both have to come out
alike to the letter, or the difference tells that the row exists; and neither may reach anything.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg

from tests.catalog import ForeignKey, Table, Unique

Connection = psycopg.Connection[tuple[Any, ...]]
Value = int | float | str | bool | list[object] | dict[str, object] | None
Row = Mapping[str, Value]
Belongings = Mapping[str, Row]
"""One row of each table, by the table's name: a user's, or nobody's."""
Statement = tuple[str, Mapping[str, Value]]

INVENTORY = {
    "collectors": "whether the cards are read concerns whoever looks at a card",
    "gpu_events": "what happened to a card concerns everybody whose agents run on it",
    "gpu_processes": "what runs on a card explains to everybody why it is full",
    "gpu_resources": "the cards of the installation are everybody's",
    "gpu_sample_rollups": "the readings of the cards are everybody's",
    "gpu_samples": "the readings of the cards are everybody's",
    "gpu_troubles": "what is wrong with a card concerns everybody whose agents run on it",
    "load_balancing_rules": "how agents are placed is the operators' decision, and no secret",
    "model_facts": "what a provider tells of a model is true for everybody",
    "model_measurements": "what a model was measured to take is true for everybody",
    "placement_plans": "that operators move agents is no secret; which agents, their moves tell their owners only",
    "provider_endpoints": "which model servers are asked is the operators' decision; a key in it is sealed",
    "resource_constraints": "what a model needs of a card is true for everybody",
    "retention_rules": "how long things are kept is the operators' decision, and no secret",
    "workers": "which processes carry conversations explains to everybody why theirs waits",
}
"""The tables without a user's rows, and why all may read them. Only operators write there."""

GUESSED_BY_NOBODY = {
    "uq_api_keys_key_id": "eight letters and digits that the service draws at random, among all users' keys",
}
"""Unique keys across users, and why a refusal tells nothing. A key that the database itself draws tells nothing anyway:
no service lets a caller choose one, and how far a sequence has come is seen from one's own rows."""


@dataclass(frozen=True)
class Someone:
    """A user, in the role in which they try."""

    user_id: int
    role: str


@dataclass(frozen=True)
class Trial:
    """One table, somebody's own row of it (None where they have none), and what is tried at."""

    table: Table
    by: Someone
    mine: Row | None
    at: Belongings
    owner_columns: Mapping[str, str | None]
    """Of every table: whose a row is."""

    @property
    def theirs(self) -> Row:
        """The row that is tried at."""
        return self.at[self.table.name]


@dataclass(frozen=True)
class Leak:
    """An attempt that came out differently than at a row that is nowhere, or reached something."""

    table: str
    operation: str
    by: Someone
    of: int | None
    outcome: str


def belongings(owner: Connection, tables: Mapping[str, Table], users: Sequence[int]) -> dict[int | None, Belongings]:
    """What each of `users` has, and what is nobody's, as the owner of the tables sees it."""
    found: dict[int | None, dict[str, Row]] = {user: {} for user in (*users, None)}
    for table in tables.values():
        for (row,) in owner.execute(f"SELECT to_jsonb(t) FROM {table.name} t").fetchall():
            found[row[table.owner_column] if table.owner_column else None][table.name] = row
    return {**found}


def invented(real: Belongings, tables: Mapping[str, Table]) -> Belongings:
    """Rows like the `real` ones, of a user and with keys that exist nowhere; what all may read stays as it is."""
    rows = {}
    for name, row in real.items():
        told = _telling_columns(tables[name], tables)
        rows[name] = {column: _elsewhere(value) if column in told else value for column, value in row.items()}
    return rows


def _telling_columns(table: Table, tables: Mapping[str, Table]) -> set[str]:
    keys = {column for unique in table.uniques for column in unique.columns} | {str(table.owner_column)}
    of_inventory: set[str] = set()
    for reference in table.foreign_keys:
        if tables[reference.target].owner_column:
            keys.update(reference.columns)
        else:
            of_inventory.update(reference.columns)
    labels = {column.name for column in table.columns.values() if column.enum_values}
    return keys - of_inventory - labels


def _elsewhere(value: Value) -> Value:
    if isinstance(value, int):
        return value + 1_000_000_000
    if isinstance(value, str):
        return str(uuid4()) if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) else f"x{value[1:]}"
    return value


# The operations: what is tried


def select(trial: Trial) -> Iterator[Statement]:
    """Read the row by its key, and by its user."""
    if owner := trial.table.owner_column:
        yield f"SELECT * FROM {trial.table.name} WHERE {_is(trial.table.key, trial.theirs)}", {}
        yield f"SELECT * FROM {trial.table.name} WHERE {_is([owner], trial.theirs)}", {}


def count(trial: Trial) -> Iterator[Statement]:
    """Count what another user has, and what all others have; rows of nobody's are told by select."""
    if owner := trial.table.owner_column:
        for condition in (_is([owner], trial.theirs), f"{owner} <> {trial.by.user_id}"):
            yield f"SELECT 1 FROM {trial.table.name} WHERE {condition} HAVING count(*) > 0", {}


def insert(trial: Trial) -> Iterator[Statement]:
    """Add a row in another user's name."""
    yield _insert(trial.table, trial.theirs)


def update(trial: Trial) -> Iterator[Statement]:
    """Change the row."""
    column = trial.table.owner_column or trial.table.key[0]
    yield f"UPDATE {trial.table.name} SET {column} = {column} WHERE {_is(trial.table.key, trial.theirs)}", {}


def move(trial: Trial) -> Iterator[Statement]:
    """Give one's own row to another user, and take the other's."""
    table, owner = trial.table, trial.table.owner_column
    if owner and trial.mine:
        given, taken = _is(table.key, trial.mine), _is(table.key, trial.theirs)
        yield f"UPDATE {table.name} SET {owner} = %(user)s WHERE {given}", {"user": trial.theirs[owner]}
        # Without a condition no row has to be readable.
        yield f"UPDATE {table.name} SET {owner} = %(user)s", {"user": trial.theirs[owner]}
        yield f"UPDATE {table.name} SET {owner} = %(user)s WHERE {taken}", {"user": trial.by.user_id}


def delete(trial: Trial) -> Iterator[Statement]:
    """Delete the row."""
    yield f"DELETE FROM {trial.table.name} WHERE {_is(trial.table.key, trial.theirs)}", {}


def reference(trial: Trial) -> Iterator[Statement]:
    """Let one's own row refer to what another user has, by every foreign key."""
    for key in trial.table.foreign_keys:
        columns = [column for column in key.columns if column != trial.table.owner_column]
        if trial.mine and columns and trial.owner_columns[key.target] and key.target in trial.at:
            referring = {**trial.mine, **{column: _referred(trial, key, column) for column in columns}}
            yield _insert(trial.table, referring)
            changes = ", ".join(f"{column} = %({column})s" for column in columns)
            statement = f"UPDATE {trial.table.name} SET {changes} WHERE {_is(trial.table.key, trial.mine)}"
            yield statement, {column: referring[column] for column in columns}


def unique(trial: Trial) -> Iterator[Statement]:
    """Add a row of one's own that would collide with another user's."""
    for key in trial.table.uniques:
        if trial.mine and trial.table.owner_column and not _is_drawn(trial.table, key):
            columns = [column for column in key.columns if column != trial.table.owner_column]
            yield _insert(trial.table, {**trial.mine, **{column: trial.theirs[column] for column in columns}})


Operation = Callable[[Trial], Iterator[Statement]]
OPERATIONS: tuple[Operation, ...] = (
    select, count, insert, update, move, delete, reference, unique,
)  # fmt: skip

CHANGES = (insert, update, move, delete)


def _renew(trial: Trial) -> Iterator[Statement]:
    yield _insert(trial.table, trial.theirs)


def _is(columns: Sequence[str], row: Row) -> str:
    """The condition that finds `row`."""
    return " AND ".join(
        f"{column} IS NULL" if row[column] is None else f"{column} = '{row[column]}'" for column in columns
    )


def _insert(table: Table, row: Row) -> Statement:
    named = ", ".join(name for name, column in table.columns.items() if not column.is_identity)
    source = f"jsonb_populate_record(NULL::{table.name}, %(row)s)"
    return f"INSERT INTO {table.name} ({named}) SELECT {named} FROM {source}", {"row": json.dumps(row)}


def _referred(trial: Trial, key: ForeignKey, column: str) -> Value:
    return trial.at[key.target][key.target_columns[key.columns.index(column)]]


def _is_drawn(table: Table, key: Unique) -> bool:
    drawn = {name for name, column in table.columns.items() if column.is_identity or column.type == "uuid"}
    return key.name in GUESSED_BY_NOBODY or bool(drawn & set(key.columns))


# What came of it


@dataclass(frozen=True)
class Matrix:
    """Everybody, what each of them has, and the tables that it stands in."""

    tables: Mapping[str, Table]
    people: Sequence[Someone]
    everything: Mapping[int | None, Belongings]

    def leaks(self, application: Connection, among: Collection[str] | None = None) -> list[Leak]:
        """Try every operation as everybody at what everybody else has, in all tables or in those of `among`."""
        found: list[Leak] = []
        for someone in self.people:
            bind(application, someone)
            for user in self.everything.keys() - {someone.user_id}:
                found += self._leaks_between(application, someone, user, among or self.tables)
            application.rollback()
        return found

    def refused(self, application: Connection, table: str) -> str | None:
        """What the database says where somebody puts their own row of `table` anew; None where it lets them."""
        someone = self.people[0]
        trial = self._trial(table, someone, self.everything[someone.user_id])
        bind(application, someone)
        (said,) = _outcomes(application, trial, _renew)
        application.rollback()
        return None if said == "reached" else said

    def _leaks_between(
        self, application: Connection, by: Someone, of: int | None, among: Collection[str]
    ) -> Iterator[Leak]:
        real = self.everything[of]
        nowhere = invented(real, self.tables)
        for table in set(among) & real.keys():
            for operation in OPERATIONS if of is not None else CHANGES:
                attempts = [_outcomes(application, self._trial(table, by, at), operation) for at in (real, nowhere)]
                for outcome, expected in zip(*attempts, strict=True):
                    is_reached = outcome == "reached" and operation is not unique
                    # What is nobody's may be read and referred to by all, so that it exists is no secret.
                    if is_reached or (of is not None and outcome != expected):
                        yield Leak(table, operation.__name__, by, of, f"{outcome}; nowhere: {expected}")

    def _trial(self, table: str, by: Someone, at: Belongings) -> Trial:
        owner_columns = {name: other.owner_column for name, other in self.tables.items()}
        return Trial(self.tables[table], by, self.everything[by.user_id].get(table), at, owner_columns)


def bind(application: Connection, someone: Someone) -> None:
    """Begin a transaction on somebody's behalf."""
    values = (str(someone.user_id), someone.role)
    application.execute("SELECT set_config('helios.user_id', %s, true), set_config('helios.role', %s, true)", values)


def _outcomes(application: Connection, trial: Trial, operation: Operation) -> list[str]:
    said = []
    for statement, values in operation(trial):
        application.execute("SAVEPOINT attempt")
        # Without its old self, a new row of one's own collides with another user's only.
        if operation in {reference, unique, _renew} and statement.startswith("INSERT") and trial.mine:
            application.execute(f"DELETE FROM {trial.table.name} WHERE {_is(trial.table.key, trial.mine)}")
        said.append(_outcome(application, statement, values))
        application.execute("ROLLBACK TO attempt")
    return said


def _outcome(application: Connection, statement: str, values: Mapping[str, Value]) -> str:
    try:
        return "reached" if application.execute(statement, values).rowcount else "nothing"
    except psycopg.Error as error:
        said = f"{error.sqlstate}: {error.diag.message_primary} {error.diag.message_detail or ''}"
        return re.sub(r"=\(.*?\)", "=(…)", said)
