"""A Project Manager's plan: from its words, structured or with `@[Expert]` directives, to tasks and findings."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from helios_core.runtime.lint import repeats, waiting_in_a_circle
from helios_core.services.findings import Finding, FindingKind

MAX_DIRECTIVES = 8
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
class Member:
    """An expert who can be addressed."""

    agent_id: str
    display_name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Directive:
    """One task for one expert. `depends_on` holds the positions, in the plan, of directives that come first."""

    agent_id: str
    task: str
    text: str
    """The whole directive, as the expert is sent it."""
    context: str | None = None
    requirements: tuple[str, ...] = ()
    depends_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done by whom, and what was wrong with the words that said so."""

    directives: tuple[Directive, ...]
    findings: tuple[Finding, ...]
    summary: str | None = None
    """The plan in the Project Manager's own words, apart from the directives."""

    def waves(self) -> tuple[tuple[int, ...], ...]:
        """The positions of the directives in groups; each group can start when the ones before have ended."""
        left, done, waves = set(range(len(self.directives))), set[int](), []
        while left:
            ready = tuple(sorted(place for place in left if done.issuperset(self.directives[place].depends_on)))
            waves.append(ready)
            done.update(ready)
            left.difference_update(ready)
        return tuple(waves)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A directive as it was written, with names not yet known to be anybody's."""

    name: str
    task: str
    context: str | None
    requirements: tuple[str, ...]
    depends_on: tuple[str, ...]
    text: str


def parse_plan(
    answer: str | Mapping[str, object], team: Sequence[Member], *, pm_agent_id: str, earlier: Sequence[Directive] = ()
) -> Plan:
    """The directives of a plan that can be sent, and a finding for everything that cannot be as it was written.

    `answer` is JSON that follows `prompts.PLAN_SCHEMA`, as an object or as text, or text with `@[Expert]` directives.
    `earlier` are the directives that the conversation sent before, which are not sent once more.
    """
    structured = answer if isinstance(answer, Mapping) else _json_object(str(answer))
    if structured is not None:
        drafts, summary, findings = _structured(structured)
    else:
        drafts, summary = _textual(str(answer))
        findings = []
    return _checked(drafts, summary, findings, _Team(team, pm_agent_id), earlier)


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


class _Team:
    """Who can be addressed, by every spelling of a name that means one agent only."""

    def __init__(self, members: Sequence[Member], pm_agent_id: str) -> None:
        self.members = {member.agent_id: member for member in members if member.agent_id != pm_agent_id}
        self.pm_agent_id = pm_agent_id
        self._by_name = {_plain(member.display_name): member.agent_id for member in members}
        self._by_name |= {_plain(member.agent_id): member.agent_id for member in members}
        self._by_name.setdefault(_plain(pm_agent_id), pm_agent_id)

    def find(self, name: str) -> str | None:
        """The agent of that name, or None."""
        return self._by_name.get(_plain(name))

    def name_of(self, agent_id: str) -> str:
        """What an agent is called."""
        return self.members[agent_id].display_name

    def suggestion(self, name: str) -> str:
        """Whom a name may have meant, as a sentence; nothing where nobody is near."""
        near = get_close_matches(_plain(name), [_plain(m.display_name) for m in self.members.values()], n=1)
        return f"Did you mean [{self.name_of(self._by_name[near[0]])}]?" if near else ""

    def mentions(self, text: str) -> list[str]:
        """The names addressed with an @ in the middle of `text`."""
        lowered = text.casefold()
        names = [member.display_name for member in self.members.values()]
        return [name for name in names if f"@[{name.casefold()}]" in lowered or f"@{name.casefold()}" in lowered]


def _checked(
    drafts: Sequence[_Draft], summary: str | None, findings: list[Finding], team: _Team, earlier: Sequence[Directive]
) -> Plan:
    """The plan that is left when everything that cannot be sent has become a finding."""
    kept: list[tuple[_Draft, str]] = []
    for draft in drafts:
        refusal = _refusal(draft, team, kept, earlier)
        if refusal is None:
            kept.append((draft, str(team.find(draft.name))))
        else:
            findings.append(refusal)
    findings += _mentions(drafts, team)
    wanted = [_needed(place, kept, team, findings) for place in range(len(kept))]
    needed = _without_circles(wanted, kept, findings)
    directives = (
        Directive(
            agent_id, draft.task, _worded(draft, team.name_of(agent_id)), draft.context, draft.requirements, after
        )
        for (draft, agent_id), after in zip(kept, needed, strict=True)
    )
    return Plan(tuple(directives), tuple(findings), summary)


def _refusal(
    draft: _Draft, team: _Team, kept: Sequence[tuple[_Draft, str]], earlier: Sequence[Directive]
) -> Finding | None:
    """Why a directive is not sent; None where it is."""
    agent_id = team.find(draft.name)
    if agent_id is None:
        sentence = f"Nobody in the team is called [{draft.name}]. {team.suggestion(draft.name)}".strip()
        return _not_sent("unknown_expert", sentence, draft)
    if agent_id == team.pm_agent_id:
        return _not_sent("addressed_itself", "The Project Manager addressed itself.", draft)
    name = team.name_of(agent_id)
    if not any(character.isalnum() for character in draft.task):
        return _not_sent("empty_directive", f"The directive for [{name}] asks for nothing.", draft)
    same_expert = [other.task for other, other_id in kept if other_id == agent_id]
    same_expert += [directive.task for directive in earlier if directive.agent_id == agent_id]
    if repeats(draft.task, same_expert):
        return _not_sent("repeated_directive", f"[{name}] was given this task before.", draft)
    if len(kept) == MAX_DIRECTIVES:
        sentence = f"A plan has at most {MAX_DIRECTIVES} directives; the one for [{name}] is beyond them."
        return _not_sent("too_many_directives", sentence, draft)
    return None


def _not_sent(kind: FindingKind, sentence: str, draft: _Draft) -> Finding:
    return Finding(kind, sentence, _excerpt(draft.text), "It was not sent.")


def _mentions(drafts: Sequence[_Draft], team: _Team) -> Iterator[Finding]:
    """Experts whom a directive for somebody else names with an @: no directive of their own."""
    for draft in drafts:
        for name in team.mentions(draft.text.partition("]")[2]):
            sentence = f"[{name}] is named with an @ inside the directive for [{draft.name}]."
            effect = f"It was read as part of that text; a directive for [{name}] starts a line of its own."
            yield Finding("inline_mention", sentence, _excerpt(draft.text), effect)


def _needed(place: int, kept: Sequence[tuple[_Draft, str]], team: _Team, findings: list[Finding]) -> list[int]:
    """The positions of the directives that come before the one at `place`."""
    draft, agent_id = kept[place]
    needed: list[int] = []
    for name in draft.depends_on:
        other_id = team.find(name)
        others = [other for other, (_, whose) in enumerate(kept) if whose == other_id and other != place]
        if not others:
            sentence = f"[{team.name_of(agent_id)}] is to wait for [{name}], who has no task in this plan."
            findings.append(Finding("unmet_dependency", sentence, _excerpt(draft.text), "It was sent without waiting."))
        needed += [other for other in others if other not in needed]
    return needed


def _without_circles(
    wanted: Sequence[Sequence[int]], kept: Sequence[tuple[_Draft, str]], findings: list[Finding]
) -> list[tuple[int, ...]]:
    """The dependencies that can be kept; each one that closes a circle has become a finding."""
    circles = waiting_in_a_circle(wanted)
    for waiting, other in circles:
        draft, needed = kept[waiting][0], kept[other][0]
        sentence = f"[{draft.name}] and [{needed.name}] wait for each other; neither could begin."
        effect = f"[{draft.name}] was sent without waiting for [{needed.name}]."
        findings.append(Finding("ping_pong", sentence, _excerpt(draft.text), effect))
    return [
        tuple(sorted(other for other in needed if (place, other) not in circles)) for place, needed in enumerate(wanted)
    ]


def _worded(draft: _Draft, name: str) -> str:
    """The directive with the expert's name as the team writes it."""
    return compose(name, draft.task, draft.context, draft.requirements, draft.depends_on)


# Structured plans


def _json_object(text: str) -> Mapping[str, object] | None:
    """The one JSON object that `text` is, perhaps in a fence; None for anything else."""
    bare = re.sub(r"^\s*```(?:json)?\s*\n|\n\s*```\s*$", "", text).strip()
    if not bare.startswith("{"):
        return None
    try:
        found = json.loads(bare)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _structured(plan: Mapping[str, object]) -> tuple[list[_Draft], str | None, list[Finding]]:
    items = plan.get("directives")
    summary = plan.get("summary")
    findings: list[Finding] = []
    drafts: list[_Draft] = []
    if not isinstance(items, Sequence) or isinstance(items, str):
        findings.append(_unreadable("The plan has no list of directives.", plan))
        items = []
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get("expert"), str) and isinstance(item.get("task"), str):
            drafts.append(_draft_of(item))
        else:
            findings.append(_unreadable("A directive of the plan names no expert and task.", item))
    return drafts, summary if isinstance(summary, str) and summary.strip() else None, findings


def _unreadable(sentence: str, what: object) -> Finding:
    return Finding(
        "unreadable_plan", sentence, _excerpt(json.dumps(what, ensure_ascii=False, default=str)), "It was left out."
    )


def _draft_of(item: Mapping[str, object]) -> _Draft:
    name, task = str(item["expert"]).strip().removeprefix("@").strip("[] "), str(item["task"]).strip()
    context = item.get("context")
    given = str(context).strip() or None if isinstance(context, str) else None
    requirements, depends_on = _texts(item.get("requirements")), _texts(item.get("depends_on"))
    names = tuple(name.removeprefix("@").strip("[] ") for name in depends_on)
    return _Draft(name, task, given, requirements, names, compose(name, task, given, requirements, names))


def _texts(value: object) -> tuple[str, ...]:
    """The texts of a list, each once, without those that say nothing."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return tuple(dict.fromkeys(item.strip() for item in items if isinstance(item, str) and item.strip()))


# Plans in words


def _textual(text: str) -> tuple[list[_Draft], str | None]:
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
    return [_draft_in_words(name, lines) for name, lines in blocks], summary or None


def _draft_in_words(name: str, lines: Sequence[str]) -> _Draft:
    sections = _sections(_without_stray_fence(lines))
    bullets = [found["text"].strip() for line in sections["requirements"] if (found := BULLET.match(line))]
    requirements = bullets or [line.strip() for line in sections["requirements"]]
    context = "\n".join(sections["context"]).strip() or None
    depends_on = _names(" ".join(sections["depends on"]))
    task = "\n".join(sections["task"]).strip()
    return _Draft(
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


def _plain(name: str) -> str:
    """A name without what spellings differ in."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT_LENGTH else text[: EXCERPT_LENGTH - 1] + "…"
