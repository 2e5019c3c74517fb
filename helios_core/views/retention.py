"""How long data of each class is kept, as everybody may read it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.models import RetentionRule
from helios_core.services.retention import CLASSES


@dataclass(frozen=True, slots=True)
class Kept:
    """One class of data. `keep_days` is None where it is kept for ever; `since` is when that was last changed."""

    data_class: str
    keep_days: int | None
    since: datetime | None
    parts: tuple[str, ...]
    """Tables whose rows go with its own."""


def list_kept(session: Session) -> tuple[Kept, ...]:
    """Every class of data, in the order in which the service names them."""
    rules = {rule.data_class: rule for rule in session.scalars(select(RetentionRule).where(RetentionRule.is_active))}
    return tuple(
        Kept(name, rules[name].keep_days, rules[name].updated_at, found.parts)
        if name in rules
        else Kept(name, None, None, found.parts)
        for name, found in CLASSES.items()
    )
