"""The installation itself: its database, its collectors, its users, what it keeps and for how long."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from helios_core.database.session import principal_of
from helios_core.models import Collector, GPUResource, MultiAgentConversation, User
from helios_core.views.profiles import display_name

LATE_INTERVALS = 5
"""A collector is late when it missed this many of its intervals, and at least LATE_SECONDS."""
LATE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class CollectorState:
    """The process that reads the cards of one host. `status` is ok, warning (it says what is wrong) or stale."""

    host: str
    status: str
    is_simulated: bool
    interval_seconds: float
    started_at: datetime
    last_success_at: datetime | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the parts of the installation do their work, as the database tells it."""

    read_at: datetime
    collectors: tuple[CollectorState, ...]
    gpu_count: int
    simulated_gpu_count: int

    @property
    def status(self) -> str:
        """Ok, or degraded where no collector reads the cards."""
        return "ok" if self.collectors and all(c.status == "ok" for c in self.collectors) else "degraded"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """The database: version, size in bytes, and how much room its largest table takes."""

    version: str
    name: str
    size_bytes: int
    connections: int
    largest_tables: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DiskState:
    """The disk that holds the installation's folder, in bytes."""

    folder: str
    total_bytes: int
    free_bytes: int

    @property
    def status(self) -> str:
        """Warning below a fiftieth or 2 GiB free, critical below 512 MiB."""
        if self.free_bytes < 512 * 2**20:
            return "critical"
        return "warning" if self.free_bytes < max(2 * 2**30, self.total_bytes / 50) else "ok"


@dataclass(frozen=True, slots=True)
class UserRow:
    """Somebody who may use this installation."""

    id: int
    username: str
    display_name: str | None
    email: str | None
    role: str
    is_active: bool
    created_at: datetime


def health(session: Session) -> Health:
    """The state of the collectors and the number of cards, by the database's clock."""
    read_at: datetime = session.scalars(select(func.now())).one()
    gpu_count, simulated = session.execute(
        select(func.count(), func.count().filter(GPUResource.is_simulated)).where(GPUResource.is_enabled)
    ).one()
    collectors = session.scalars(select(Collector).order_by(Collector.host))
    return Health(read_at, tuple(_collector_state(c, read_at) for c in collectors), gpu_count, simulated)


def _collector_state(collector: Collector, now: datetime) -> CollectorState:
    allowed = timedelta(seconds=max(LATE_SECONDS, LATE_INTERVALS * collector.interval_seconds))
    is_late = collector.last_success_at is None or now - collector.last_success_at > allowed
    return CollectorState(
        host=collector.host,
        status="stale" if is_late else "warning" if collector.message and not collector.is_simulated else "ok",
        is_simulated=collector.is_simulated,
        interval_seconds=collector.interval_seconds,
        started_at=collector.started_at,
        last_success_at=collector.last_success_at,
        message=collector.message,
    )


def database_state(session: Session) -> DatabaseState:
    """The version, size and largest tables of the database; partitions count with their table."""
    version, name, size, connections = session.execute(
        select(
            func.current_setting("server_version"),
            func.current_database(),
            func.pg_database_size(func.current_database()),
            select(func.count()).select_from(text("pg_stat_activity")).where(text("datname = current_database()"))
            .scalar_subquery(),
        )
    ).one()  # fmt: skip
    largest = session.execute(_LARGEST_TABLES).all()
    return DatabaseState(version, name, size, connections, tuple((table, octets) for table, octets in largest))


_LARGEST_TABLES = text(
    """
    SELECT coalesce(root.relname, leaf.relname) AS name, sum(pg_total_relation_size(leaf.oid))::bigint AS size
    FROM pg_class AS leaf
    LEFT JOIN pg_class AS root ON root.oid = pg_partition_root(leaf.oid)
    WHERE leaf.relkind = 'r' AND leaf.relnamespace = current_schema()::regnamespace
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 6
    """
)


def list_users(session: Session) -> tuple[UserRow, ...]:
    """The users that the reader may see, by name."""
    rows = session.execute(select(User, display_name()).order_by(User.username)).all()
    return tuple(UserRow(u.id, u.username, name, u.email, u.role, u.is_active, u.created_at) for u, name in rows)


def sample_count(session: Session) -> int:
    """How many of the reader's conversations were shipped with Helios, and can be removed."""
    own_samples = (
        MultiAgentConversation.user_id == principal_of(session).user_id,
        MultiAgentConversation.source == "sample",
    )
    return session.scalars(select(func.count()).select_from(MultiAgentConversation).where(*own_samples)).one()


def disk_state(folder: Path) -> DiskState | None:
    """The room on the disk of `folder`, or of the nearest folder above it; None where no machine of ours has it."""
    for place in (folder, *folder.parents):
        try:
            usage = shutil.disk_usage(place)
        except OSError:
            continue
        return DiskState(str(folder), usage.total, usage.free)
    return None
