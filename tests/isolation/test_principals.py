"""A pooled connection never carries a principal from one transaction into another, whatever happens in between."""

from collections import defaultdict
from contextlib import ExitStack

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import MultiAgentConversation

BOUND = text("SELECT current_setting('helios.user_id', true), current_setting('helios.role', true), pg_backend_pid()")
TITLES = select(MultiAgentConversation.title).order_by(MultiAgentConversation.id)
ANYBODY = st.integers(0, 3)


class OneConnection(RuleBasedStateMachine):
    """Everybody works on the same pooled connection in turn, and the model is a list of titles for each."""

    database: Database
    people: tuple[Principal, ...]
    served: dict[int, set[Principal]]
    """Whom each backend has served."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.session: Session | None = None
        self.who = SYSTEM
        self.committed: list[tuple[int | None, str]] = []
        self.pending: list[tuple[int | None, str]] = []
        self.savepoints: list[tuple[SessionTransaction, int]] = []

    @initialize()
    def begin_empty(self) -> None:
        with self.database.session(SYSTEM) as session:
            session.execute(delete(MultiAgentConversation))
            session.commit()

    @precondition(lambda self: self.session is None)
    @rule(number=ANYBODY)
    def check_out(self, number: int) -> None:
        self.who = self.people[number]
        self.session = self.stack.enter_context(self.database.session(self.who))

    @precondition(lambda self: self.session is None)
    @rule(autocommit=st.booleans())
    def look_without_a_principal(self, autocommit: bool) -> None:
        options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
        with self.database.engine.connect().execution_options(**options) as connection:
            user_id, role, _ = connection.execute(BOUND).one()
            assert (user_id or "", role or "") == ("", "")
            assert connection.execute(TITLES).all() == []

    @precondition(lambda self: self.session)
    @rule()
    def look(self) -> None:
        assert self.session
        user_id, role, backend = self.session.execute(BOUND).one()
        assert (user_id, role) == (str(self.who.user_id or ""), self.who.role)
        self.served[backend].add(self.who)
        seen = [
            title for owner, title in self.committed + self.pending if self.who.sees_all or owner == self.who.user_id
        ]
        assert sorted(self.session.scalars(TITLES)) == sorted(seen)

    @precondition(lambda self: self.session and self.who.user_id)
    @rule(title=st.text("abc", min_size=1, max_size=3))
    def write(self, title: str) -> None:
        assert self.session
        self.session.add(MultiAgentConversation(title=title))
        self.session.flush()
        self.pending.append((self.who.user_id, title))

    @precondition(lambda self: self.session)
    @rule()
    def set_savepoint(self) -> None:
        assert self.session
        self.savepoints.append((self.session.begin_nested(), len(self.pending)))

    @precondition(lambda self: self.savepoints)
    @rule(keep=st.booleans())
    def leave_savepoint(self, keep: bool) -> None:
        savepoint, written = self.savepoints.pop()
        if keep:
            savepoint.commit()
        else:
            savepoint.rollback()
            del self.pending[written:]

    @precondition(lambda self: self.session)
    @rule()
    def commit(self) -> None:
        assert self.session
        self.session.commit()
        self.committed += self.pending
        self._forget()

    @precondition(lambda self: self.session)
    @rule(fails=st.booleans())
    def roll_back(self, fails: bool) -> None:
        assert self.session
        if fails:
            with pytest.raises(DBAPIError, match="division by zero"):
                self.session.execute(text("SELECT 1 / 0"))
        self.session.rollback()
        self._forget()

    @precondition(lambda self: self.session)
    @rule()
    def lose_the_connection(self) -> None:
        assert self.session
        with pytest.raises(DBAPIError, match="terminating connection"):
            self.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        self.session.rollback()
        self._forget()

    @precondition(lambda self: self.session)
    @rule()
    def give_back(self) -> None:
        self.stack.pop_all().close()
        self.session = None
        self._forget()

    def _forget(self) -> None:
        self.pending, self.savepoints = [], []

    def teardown(self) -> None:
        self.stack.close()


def test_no_connection_carries_a_principal_along(
    database: Database, operator: Principal, member: Principal, other_member: Principal
) -> None:
    class Machine(OneConnection):
        pass

    Machine.database = database
    Machine.people = (operator, member, other_member, SYSTEM)
    Machine.served = defaultdict(set)
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=100, stateful_step_count=30, deadline=None, database=None)
    )
    assert any(len(people) > 1 for people in Machine.served.values()), "nobody took over another's connection"
