"""The team at work: workers, the runs that they carry, the slots of cards, and answers that are not yet finished."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from helios_core.models.base import Base, BigId, CreatedAt, GpuIds, Owned, UpdatedAt
from helios_core.models.conversations import of_conversation


class Worker(Base):
    """A process that carries runs. It lives while it is seen; one that has ended never comes back."""

    __tablename__ = "workers"
    __table_args__ = (
        CheckConstraint("capacity > 0", name="capacity"),
        CheckConstraint("ended_at >= started_at", name="ended_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    pid: Mapped[int] = mapped_column(Integer)
    capacity: Mapped[int] = mapped_column(Integer)
    """How many runs it takes up at a time."""
    started_at: Mapped[CreatedAt]
    seen_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None]


class ConversationRun(Owned, Base):
    """The request to carry a conversation to its end, written with the conversation, and who is at it.

    `epoch` grows with every worker that takes it up and with every end of one: what a worker writes counts only while
    the epoch is the one that it took.
    """

    __tablename__ = "conversation_runs"
    __table_args__ = (
        of_conversation(),
        CheckConstraint("epoch >= 0", name="epoch"),
        CheckConstraint("priority BETWEEN 1 AND 10", name="priority"),
        Index("ix_conversation_runs_waiting", "requested_at",
              postgresql_where=text("worker_id IS NULL AND ended_at IS NULL")),
        Index(None, "worker_id"),
        Index(None, "user_id", postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip

    conversation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id", ondelete="SET NULL"))
    epoch: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("5"))
    """The highest is taken up first; it also lifts or lowers the priority of every delegation of the conversation."""
    requested_at: Mapped[CreatedAt]
    taken_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class CardLease(Owned, Base):
    """An expert's claim to one slot of each card that it is on: waiting while `granted_at` is None, held until the row
    is gone.
    """

    __tablename__ = "card_leases"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "delegation_id"], ["task_delegations.user_id", "task_delegations.id"], ondelete="CASCADE"
        ),
        CheckConstraint("priority BETWEEN 1 AND 10", name="priority"),
        Index(None, "user_id"),
        Index(None, "gpu_id", "granted_at"),
        Index(None, "worker_id"),
    )

    delegation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    gpu_id: Mapped[int] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="CASCADE"))
    further_gpu_ids: Mapped[GpuIds]
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id", ondelete="CASCADE"))
    priority: Mapped[int] = mapped_column(SmallInteger)
    requested_at: Mapped[CreatedAt]
    granted_at: Mapped[datetime | None]


class AnswerDraft(Owned, Base):
    """The text of an answer that a model is still writing, as far as it has come. It goes when the answer is there."""

    __tablename__ = "answer_drafts"
    __table_args__ = (
        of_conversation(),
        ForeignKeyConstraint(
            ["user_id", "delegation_id"], ["task_delegations.user_id", "task_delegations.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("conversation_id", "agent_id", "delegation_id", postgresql_nulls_not_distinct=True),
        Index(None, "user_id"),
        Index(None, "delegation_id"),
    )

    id: Mapped[BigId]
    conversation_id: Mapped[int] = mapped_column(BigInteger)
    delegation_id: Mapped[int | None] = mapped_column(BigInteger)
    agent_id: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    started_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
