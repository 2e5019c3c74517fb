"""Changes, one a row, each with what was there before and after."""

import json
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from dashboard import formats
from dashboard.components.packaged import component
from dashboard.render import clean, date_and_time, short
from helios_core.views.audit import Change
from helios_core.views.participants import named

SUBJECTS = {
    "agent_configurations": "configuration",
    "gpu_allocations": "allocation",
    "gpu_resources": "card",
    "load_balancing_rules": "rule",
    "resource_constraints": "constraint",
    "users": "user",
    "feature_activations": "activation",
    "api_keys": "key",
    "retention_rules": "retention",
    "multi_agent_conversations": "conversation",
}
"""What a row of each table is called; one of another table goes by the table's name."""
OF_AGENTS = {"agent_configurations", "gpu_allocations"}
"""Tables whose rows go by the agent that they are about."""
VERBS = {"load": "loaded"}
"""What was done, where the audit's own word is none of the past."""
CONTEXT_LINES = 2
LONG_CHARACTERS = 90
MOST_LINES = 200
MOST_CHARACTERS = 4000

Line = dict[str, str]


def audit_list(changes: Sequence[Change]) -> None:
    """Show `changes`; each opens to its values before and after."""
    component("audit_list")(key="audit_list", data={"changes": [_row(change) for change in changes]})


def _row(change: Change) -> dict[str, object]:
    subject = SUBJECTS.get(change.subject, formats.words(change.subject))
    return {
        "key": change.id,
        "when": date_and_time(change.occurred_at),
        "who": short(change.actor, 60),
        "what": f"{formats.words(VERBS.get(change.action, change.action))} {short(subject, 40)}",
        "name": short(_name(change), 80),
        "owner": f"of {short(change.owner, 60)}" if change.owner not in {None, change.actor, _name(change)} else "",
        "reason": f"“{short(change.reason, 200)}”" if change.reason else "",
        "lines": _lines(change.before, change.after),
    }


def _name(change: Change) -> str:
    if change.subject == "feature_activations":
        return change.owner or "the roll-out"
    if change.subject in OF_AGENTS and change.name is not None:
        return named(change.name)
    return change.name or change.subject_id


def _lines(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Line]:
    """What differs, field by field; kinds are title, gone, came and same."""
    lines: list[Line] = []
    for name in {**(before or {}), **(after or {})}:
        old, new = (None if side is None else side.get(name) for side in (before, after))
        if old is None and new is None:
            continue
        lines.append({"kind": "title", "text": short(formats.words(name), 60)})
        lines += _difference(_text(old), _text(new))
    return lines[:MOST_LINES]


def _difference(old: list[str], new: list[str]) -> list[Line]:
    """The lines that went, the lines that came, and a little around them."""
    if old == new:
        return [{"kind": "same", "text": line} for line in new]
    lines: list[Line] = []
    for group in SequenceMatcher(a=old, b=new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES):
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                lines += [{"kind": "same", "text": line} for line in old[i1:i2]]
            else:
                lines += [{"kind": "gone", "text": line} for line in old[i1:i2]]
                lines += [{"kind": "came", "text": line} for line in new[j1:j2]]
    return lines


def _text(value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """A value as lines; none of a value that is not there."""
    if value is None:
        return []
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) and len(text) > LONG_CHARACTERS:
        text = json.dumps(value, ensure_ascii=False, indent=2)
    return clean(text[:MOST_CHARACTERS]).split("\n")
