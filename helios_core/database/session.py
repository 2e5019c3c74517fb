"""Sessions, each bound to the principal on whose behalf it reads and writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import (
    ORMExecuteState,
    Session,
    SessionTransaction,
    scoped_session,
    sessionmaker,
    with_loader_criteria,
)
from sqlalchemy.sql.base import ExecutableOption

from helios_core.database.pipeline import Pipeline, pipeline
from helios_core.models import User
from helios_core.models.base import Owned, QueryProperty

Role = Literal["admin", "operator", "user", "viewer"]


@dataclass(frozen=True, slots=True)
class Principal:
    """On whose behalf a transaction runs. Without a user it is a process of Helios itself."""

    user_id: int | None
    role: Role

    @property
    def sees_all(self) -> bool:
        """Whether rows of other users are visible."""
        return self.role in {"admin", "operator"}


SYSTEM = Principal(user_id=None, role="operator")
"""The collector, the migrator, the supervisor."""
NOBODY = -1
"""The id of no user."""


class BoundSession(Session):
    """A session whose every transaction is opened as its principal."""

    principal: Principal | None = None
    pipeline: Pipeline | None = None
    """Where its statements need not wait for each other."""


_current: ContextVar[Session | None] = ContextVar("helios_session", default=None)


BIND = text("SELECT set_config('helios.user_id', :user, true), set_config('helios.role', :role, true)")


@event.listens_for(BoundSession, "after_begin")
def bind_principal(session: BoundSession, transaction: SessionTransaction, connection: Connection) -> None:
    """Tell the database who is asking: its policies do the rest. A savepoint is within what was told before."""
    if transaction.nested:
        return
    principal = session.principal
    user_id = "" if principal is None or principal.user_id is None else str(principal.user_id)
    role = "" if principal is None else principal.role
    run = connection.execute if session.pipeline is None else session.pipeline.send
    run(BIND, {"user": user_id, "role": role})


@event.listens_for(BoundSession, "do_orm_execute")
def lead_with_user(state: ORMExecuteState) -> None:
    """Let all but operators meet their own rows only, in every statement that names a model.

    Their indexes lead with the user, and a policy alone cannot use an index; a host's own tables have no policy of
    ours, so that there this is what keeps users apart.
    """
    principal = cast("BoundSession", state.session).principal
    if principal is not None and principal.sees_all:
        return
    if state.is_orm_statement and (state.is_select or state.is_update or state.is_delete):
        me = principal.user_id if principal is not None and principal.user_id is not None else NOBODY
        state.statement = state.statement.options(*_rows_of(me))


@lru_cache(maxsize=1024)
def _rows_of(me: int) -> tuple[ExecutableOption, ExecutableOption]:
    """What makes a statement meet the rows of one user only; to make it takes longer than most statements."""
    return (
        with_loader_criteria(Owned, lambda cls: cls.user_id == me, include_aliases=True),
        with_loader_criteria(User, lambda cls: cls.id == me, include_aliases=True),
    )


class Database:
    """The application's way to the database: one engine, and sessions on behalf of principals."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, class_=BoundSession, expire_on_commit=False)
        self._unbound = scoped_session(self._sessions)

    @contextmanager
    def session(self, principal: Principal, connection: Connection | None = None) -> Iterator[Session]:
        """A session on behalf of `principal`, on a connection of its own unless given: rolled back unless committed."""
        with self._sessions(bind=connection or self.engine) as session:
            session.principal = principal
            token = _current.set(session)
            try:
                yield session
            finally:
                _current.reset(token)

    @contextmanager
    def pipelined(self, principal: Principal) -> Iterator[Session]:
        """A session on behalf of `principal` with a pipeline: committed where the block ends, unless it raises."""
        with self.engine.connect() as connection, self.session(principal, connection) as session:
            with pipeline(connection) as ahead:
                cast("BoundSession", session).pipeline = ahead
                session.connection()  # begins the transaction
                try:
                    yield session
                    session.flush()
                except BaseException:
                    ahead.recover()
                    session.rollback()
                    raise
            session.commit()

    def serve_model_query(self) -> None:
        """Let `Model.query` run in the bound session, or, where none is, see only what all may read."""
        QueryProperty.session_provider = lambda: _current.get() or self._unbound()

    def close(self) -> None:
        """Give every connection back."""
        self._unbound.remove()
        self.engine.dispose()


def principal_of(session: Session) -> Principal:
    """The principal on whose behalf `session` works."""
    principal = cast("BoundSession", session).principal
    if principal is None:
        message = "This session has no principal; open it with Database.session()."
        raise RuntimeError(message)
    return principal
