"""Every public function of `helios_core.views`, called as pages call it, with the statements that it sends."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from helios_core import views
from helios_core.errors import HeliosError
from helios_core.views.allocations import AllocationFilter
from helios_core.views.audit import AuditFilter
from helios_core.views.conversation_lists import ConversationFilter
from helios_core.views.decisions import DecisionFilter
from helios_core.views.delegations import DelegationFilter
from helios_core.views.paging import Cursor

LEFT_AS_THEY_ARE = ("limit", "per_status", "max_points")
"""How much a view shows."""
RARE = "nobody"
"""What occurs nowhere: to find out, a statement without an index for it goes through everything."""

PARTS = {
    "delegations.delegations": "takes a statement that other views make",
    "responses.responses_of": "takes a condition that other views make",
}
"""Functions that only other views call, with SQL of theirs."""


@dataclass(frozen=True)
class Named:
    """One view, with what it is asked for."""

    name: str
    function: Callable[..., object]
    arguments: Mapping[str, object]

    def __call__(self, session: Session) -> None:
        """Read it; that there is no such thing for this reader is an answer, too."""
        with suppress(HeliosError):
            self.function(session, **self.arguments)


@dataclass(frozen=True)
class Sent:
    """A statement as it went to the database."""

    statement: str
    parameters: Mapping[str, object]


def named_queries(conversation_id: int, now: datetime) -> Iterator[Named]:
    """Every view by what it needs, and again for each other thing that it may be asked for."""
    for name, function in _views():
        choices = {
            parameter.name: _choices(parameter, conversation_id, now)
            for parameter in list(inspect.signature(function).parameters.values())[1:]
            if parameter.name not in LEFT_AS_THEY_ARE
        }
        first = {parameter: values[0] for parameter, values in choices.items()}
        yield Named(name, function, first)
        for parameter, values in choices.items():
            for value in values[1:]:
                yield Named(f"{name} {parameter}={_short(value)}", function, {**first, parameter: value})


def _views() -> Iterator[tuple[str, Callable[..., object]]]:
    for module in pkgutil.iter_modules(views.__path__):
        for name, function in vars(importlib.import_module(f"{views.__name__}.{module.name}")).items():
            if inspect.isfunction(function) and function.__module__ == f"{views.__name__}.{module.name}":
                parameters = list(inspect.signature(function).parameters.values())
                is_view = not name.startswith("_") and parameters and parameters[0].annotation is Session
                if is_view and f"{module.name}.{name}" not in PARTS:
                    yield f"{module.name}.{name}", function


def _choices(parameter: inspect.Parameter, conversation_id: int, now: datetime) -> Sequence[object]:
    """What a parameter is given; a new one has to be told here."""
    by_type: dict[object, Sequence[object]] = {
        bool: [False, True],
        ConversationFilter: _filters(
            ConversationFilter, words=["zebra"], source=["import", "sample"], state=["failed", "cancelled"],
            agent_id=["data_analyst", RARE], phase=["processing", "review"],
        ),
        DelegationFilter: _filters(
            DelegationFilter, status=["failed", "cancelled"], agent_id=["data_analyst", RARE],
            conversation_id=[conversation_id],
        ),
        AuditFilter: _filters(
            AuditFilter, subject=["agent_configurations", RARE], subject_id=["7", RARE], actor_id=[2],
            since=[now - timedelta(days=30)], until=[now - timedelta(days=200)],
        ),
        AllocationFilter: _filters(
            AllocationFilter, gpu_id=[3], agent_id=["technical_expert", RARE], is_live=[True]
        ),
        DecisionFilter | None: _filters(
            DecisionFilter, agent_id=["data_analyst", RARE], gpu_id=[3, 1_000_000], outcome=["moved", "refused"]
        ),
    }  # fmt: skip
    delegation_id = conversation_id * 10 - 5
    by_name: dict[str, Sequence[object]] = {
        "agent_id": ["technical_expert"],
        "allocation_id": [conversation_id],
        "decision_id": [conversation_id],
        "plan_id": [conversation_id // 10],
        "status": ["draft", "applied"],
        "user_id": [2],
        "user_ids": [tuple(range(1, 21))],
        "words": ["", "zebra"],
        "response_id": [delegation_id],
        "synthesis_id": [conversation_id],
        "rule_id": [1],
        "server_id": [1],
        "constraint_id": [1],
        "delegation_id": [delegation_id],
        "conversation_id": [conversation_id],
        "conversation_ids": [tuple(range(conversation_id - 49, conversation_id + 1))],
        "delegation_ids": [tuple(range(delegation_id - 49, delegation_id + 1))],
        "after": [None, Cursor(now - timedelta(days=200), delegation_id // 2)],
        "as_of": [now],
        "first": [0],
        "severity": [None, "critical"],
        "key": [f"card-{conversation_id}", f"delegation-{delegation_id}"],
        "last": [100],
        "provider": ["ollama"],
        "model_name": ["llama3.1:8b"],
        "context_tokens": [8192],
        "memory_mb": [6000],
        "on_cards": [1, 2],
        "span": [timedelta(hours=1), timedelta(days=1)],
        "points": [120],
        "gpu_ids": [(0, 1, 2)],
        "since": [now - timedelta(days=7)],
        "start": [now - timedelta(hours=24), now - timedelta(minutes=15)],
        "end": [now],
    }
    found = by_type.get(parameter.annotation) or by_name[parameter.name]
    return [None, *found] if parameter.default is None and None not in found else found


def _filters(kind: type[Any], **values: Sequence[object]) -> Sequence[object]:
    """A filter that lets all through, and some for each field; a new field has to be told here."""
    return [kind(), *(kind(**{field.name: value}) for field in fields(kind) for value in values[field.name])]


def _short(value: object) -> str:
    """A value as the table shows it: of a filter, what it asks for."""
    if is_dataclass(value):
        asked = {field.name: getattr(value, field.name) for field in fields(value)}
        return ", ".join(f"{name} {chosen}" for name, chosen in asked.items() if chosen) or "all"
    return str(value)


@contextmanager
def recorded(engine: Engine) -> Iterator[list[Sent]]:
    """What the block sends to the database, without what binds its principal."""
    sent: list[Sent] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if isinstance(parameters, Mapping) and "set_config" not in statement:
            sent.append(Sent(statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
