"""A list of facts: what, how much, and what there is to say about it."""

from dataclasses import dataclass

from dashboard.components.packaged import component
from dashboard.render import clean
from dashboard.theme import Sign


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: a label, its value, a note in grey, and a status where it has one. Any of it may be foreign."""

    label: str
    value: str
    note: str = ""
    sign: Sign | None = None


def facts(key: str, rows: list[Fact]) -> None:
    """Show `rows`, one line each."""
    component("facts")(key=key, data={"facts": [_line(index, fact) for index, fact in enumerate(rows)]})


def _line(index: int, fact: Fact) -> dict[str, object]:
    return {
        "key": index,
        "label": clean(fact.label),
        "value": clean(fact.value),
        "note": clean(fact.note),
        "sign": fact.sign.data if fact.sign else None,
    }
