"""What every table has in common: naming, types, ownership, and `Model.query`."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import ARRAY, BigInteger, DateTime, ForeignKey, Identity, Integer, MetaData, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Query, Session, mapped_column

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

CURRENT_USER_ID = text("(NULLIF(current_setting('helios.user_id'::text, true), ''::text))::bigint")
"""The user whom the transaction is bound to: fills `user_id` where a caller does not give it."""

type_json = JSONB(none_as_null=True)

BigId = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True, sort_order=-2)]
# Rows bring their own defaults, too: a host's column may have none.
CreatedAt = Annotated[
    datetime, mapped_column(DateTime(timezone=True), server_default=func.now(), insert_default=func.now())
]
UpdatedAt = Annotated[
    datetime,
    mapped_column(DateTime(timezone=True), server_default=func.now(), insert_default=func.now(), onupdate=func.now()),
]
JsonObject = Annotated[
    dict[str, Any], mapped_column(type_json, server_default=text("'{}'::jsonb"), insert_default=dict)
]
GpuIds = Annotated[
    list[int], mapped_column(ARRAY(Integer), server_default=text("'{}'::integer[]"), insert_default=list)
]
JsonList = Annotated[list[Any], mapped_column(type_json, server_default=text("'[]'::jsonb"), insert_default=list)]


class QueryProperty:
    """`Model.query`: a query in the bound principal's session.

    The database room provides the session; where no principal is bound it sees only what all may read.
    """

    session_provider: ClassVar[Callable[[], Session] | None] = None

    def __get__(self, instance: object | None, owner: type[Any]) -> Query[Any]:
        if QueryProperty.session_provider is None:
            message = "Model.query needs a database; open one with helios_core.database first."
            raise RuntimeError(message)
        return QueryProperty.session_provider().query(owner)


class Base(DeclarativeBase):
    """The root of all tables."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True), dict[str, Any]: type_json}
    query: ClassVar[QueryProperty] = QueryProperty()

    def as_dict(self) -> dict[str, Any]:
        """Each column's value under its name."""
        return {column.key: getattr(self, column.key) for column in self.__mapper__.column_attrs}


class Owned:
    """A row that belongs to one user, and is seen by that user and by operators only."""

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"),
        server_default=CURRENT_USER_ID,
        insert_default=CURRENT_USER_ID,
        nullable=False,
        sort_order=-1,
    )
