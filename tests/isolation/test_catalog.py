"""Every table, function, view, key and right is such that users stay apart."""

from tests.isolation.filled import Filled
from tests.isolation.lints import KEEPERS_OF_DAYS, MADE_BY_OPERATORS, SIGNATURES, complaints
from tests.isolation.matrix import GUESSED_BY_NOBODY


def test_the_catalog_keeps_users_apart(filled: Filled) -> None:
    assert complaints(filled.owner, filled.tables) == {}


def test_every_exception_is_still_there(filled: Filled) -> None:
    tables = filled.tables
    keys = {key.name for table in tables.values() for key in table.uniques}
    columns = {(table.name, column) for table in tables.values() for column in table.columns}
    functions = {name for (name,) in filled.owner.execute("SELECT oid::regprocedure::text FROM pg_proc")}
    assert GUESSED_BY_NOBODY.keys() | MADE_BY_OPERATORS.keys() <= keys
    assert SIGNATURES.keys() <= columns
    assert KEEPERS_OF_DAYS.keys() <= functions
