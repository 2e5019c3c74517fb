"""A plan as a Project Manager wrote it: as JSON, or as text with `@[Expert]` directives that begin a line each."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helios_core.services.findings import Finding

EXCERPT_LENGTH = 200

# A directive begins a line, perhaps after a bullet or bold marks; an @ anywhere else is part of the text.
START = re.compile(r"^[\s>*_\-#\d.)]*@\[(?P<name>[^\]\n]{1,200})(?:\]|$)[*_:]*[ \t]*(?P<rest>.*)$")
FENCE = re.compile(r"^\s*(```|~~~)")
SECTION = re.compile(
    r"^\s*[*_#\s]*(?P<name>context|requirements?|depends on)\s*[*_]*\s*:\s*[*_]*(?P<rest>.*)$", re.IGNORECASE
)
BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+(?P<text>.*)$")
BRACKETED = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A directive as it was written, with names not yet known to be anybody's."""

    name: str
    task: str
    context: str | None
    requirements: tuple[str, ...]
    depends_on: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a plan says, and what of it could not be read. `summary`: its words apart from the directives."""

    drafts: tuple[Draft, ...]
    summary: str | None
    findings: tuple[Finding, ...] = ()


def read_plan(answer: str | Mapping[str, object]) -> Reading:
    """The directives that a plan means, in its order."""
    structured = answer if isinstance(answer, Mapping) else _json_object(answer)
    return _textual(str(answer)) if structured is None else _structured(structured)


def compose(name: str, task: str, context: str | None, requirements: Sequence[str], depends_on: Sequence[str]) -> str:
    """A directive in the words that experts know."""
    lines = [f"@[{name}] {task}"]
    if context:
        lines.append(f"Context: {context}")
    if requirements:
        lines += ["Requirements:", *(f"- {requirement}" for requirement in requirements)]
    if depends_on:
        lines.append("Depends on: " + ", ".join(f"[{other}]" for other in depends_on))
    return "\n".join(lines)


# Structured plans


def _json_object(text: str) -> Mapping[str, object] | None:
    """The one JSON object that `text` is, perhaps in a fence; None for anything else."""
    bare = re.sub(r"^\s*```(?:json)?\s*\n|\n\s*```\s*$", "", text).strip()
    if not bare.startswith("{"):
        return None
    try:
        found = json.loads(bare)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _structured(plan: Mapping[str, object]) -> Reading:
    items = plan.get("directives")
    summary = plan.get("summary")
    findings: list[Finding] = []
    drafts: list[Draft] = []
    if not isinstance(items, Sequence) or isinstance(items, str):
        findings.append(_unreadable("The plan has no list of directives.", plan))
        items = []
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get("expert"), str) and isinstance(item.get("task"), str):
            drafts.append(_draft_of(item))
        else:
            findings.append(_unreadable("A directive of the plan names no expert and task.", item))
    words = summary.strip() if isinstance(summary, str) else ""
    return Reading(tuple(drafts), words or None, tuple(findings))


def _unreadable(sentence: str, what: object) -> Finding:
    return Finding(
        "unreadable_plan", sentence, excerpt(json.dumps(what, ensure_ascii=False, default=str)), "It was left out."
    )


def _draft_of(item: Mapping[str, object]) -> Draft:
    name, task = str(item["expert"]).strip().removeprefix("@").strip("[] "), str(item["task"]).strip()
    context = item.get("context")
    given = str(context).strip() or None if isinstance(context, str) else None
    requirements, depends_on = _texts(item.get("requirements")), _texts(item.get("depends_on"))
    names = tuple(name.removeprefix("@").strip("[] ") for name in depends_on)
    return Draft(name, task, given, requirements, names, compose(name, task, given, requirements, names))


def _texts(value: object) -> tuple[str, ...]:
    """The texts of a list, each once, without those that say nothing."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return tuple(dict.fromkeys(item.strip() for item in items if isinstance(item, str) and item.strip()))


# Plans in words


def _textual(text: str) -> Reading:
    """The directives in `text`, and what stands before the first of them."""
    preamble: list[str] = []
    blocks: list[tuple[str, list[str]]] = []
    in_fence = False
    for line in text.splitlines():
        start = None if in_fence and blocks else START.match(line)
        in_fence ^= bool(FENCE.match(line)) and bool(blocks)
        if start is not None:
            blocks.append((start["name"].strip(), [start["rest"]]))
        else:
            (blocks[-1][1] if blocks else preamble).append(line)
    summary = "\n".join(line for line in preamble if not FENCE.match(line)).strip()
    return Reading(tuple(_draft_in_words(name, lines) for name, lines in blocks), summary or None)


def _draft_in_words(name: str, lines: Sequence[str]) -> Draft:
    sections = _sections(_without_stray_fence(lines))
    bullets = [found["text"].strip() for line in sections["requirements"] if (found := BULLET.match(line))]
    requirements = bullets or [line.strip() for line in sections["requirements"]]
    context = "\n".join(sections["context"]).strip() or None
    depends_on = _names(" ".join(sections["depends on"]))
    task = "\n".join(sections["task"]).strip()
    return Draft(
        name, task, context, _texts(requirements), depends_on, "\n".join([f"@[{name}] {lines[0]}", *lines[1:]])
    )


def _sections(lines: Sequence[str]) -> dict[str, list[str]]:
    """The lines of each section of a directive; a requirement or a dependency ends where a paragraph does."""
    found: dict[str, list[str]] = {"task": [], "context": [], "requirements": [], "depends on": []}
    current, in_fence = "task", False
    for line in lines:
        in_fence ^= bool(FENCE.match(line))
        section = None if in_fence else SECTION.match(line)
        if section is not None:
            name = section["name"].lower()
            current = "requirements" if name.startswith("requirement") else name
            found[current].append(section["rest"])
        elif not line.strip() and current in {"requirements", "depends on"} and any(found[current]):
            current = "task"
        else:
            found[current].append(line)
    return found


def _without_stray_fence(lines: Sequence[str]) -> Sequence[str]:
    """`lines` without the closing mark of a fence that was opened before the directive."""
    marks = [place for place, line in enumerate(lines) if FENCE.match(line)]
    if len(marks) % 2 == 0:
        return lines
    return [line for place, line in enumerate(lines) if place != marks[-1]]


def _names(text: str) -> tuple[str, ...]:
    """The names in `[One], [Other]`, or without the brackets; "none" and the like name nobody."""
    names = BRACKETED.findall(text) or [part for part in re.split(r"[,;]", text) if part.strip(" .*_")]
    plain = (name.strip(" .*_@") for name in names)
    return tuple(dict.fromkeys(name for name in plain if name.casefold() not in {"", "none", "nothing", "nobody", "-"}))


def excerpt(text: str) -> str:
    """The beginning of a text, as a finding shows it."""
    return text if len(text) <= EXCERPT_LENGTH else text[: EXCERPT_LENGTH - 1] + "…"
