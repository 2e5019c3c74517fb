"""A Project Manager's plan: from its words, structured or with `@[Expert]` directives, to tasks and findings."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from helios_core.runtime.lint import repeats, waiting_in_a_circle
from helios_core.runtime.plans import Draft, Reading, compose, excerpt, read_plan
from helios_core.services.findings import Finding, FindingKind

MAX_DIRECTIVES = 8


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


def parse_plan(
    answer: str | Mapping[str, object], team: Sequence[Member], *, pm_agent_id: str, earlier: Sequence[Directive] = ()
) -> Plan:
    """The directives of a plan that can be sent, and a finding for everything that cannot be as it was written.

    `answer` is JSON that follows `prompts.PLAN_SCHEMA`, as an object or as text, or text with `@[Expert]` directives.
    `earlier` are the directives that the conversation sent before, which are not sent once more.
    """
    reading = read_plan(answer)
    return _checked(reading, _Team(team, pm_agent_id), earlier)


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


def _checked(reading: Reading, team: _Team, earlier: Sequence[Directive]) -> Plan:
    """The plan that is left when everything that cannot be sent has become a finding."""
    findings = [*reading.findings]
    kept: list[tuple[Draft, str]] = []
    for draft in reading.drafts:
        refusal = _refusal(draft, team, kept, earlier)
        if refusal is None:
            kept.append((draft, str(team.find(draft.name))))
        else:
            findings.append(refusal)
    findings += _mentions(reading.drafts, team)
    wanted = [_needed(place, kept, team, findings) for place in range(len(kept))]
    needed = _without_circles(wanted, kept, findings)
    directives = (
        Directive(
            agent_id, draft.task, _worded(draft, team.name_of(agent_id)), draft.context, draft.requirements, after
        )
        for (draft, agent_id), after in zip(kept, needed, strict=True)
    )
    return Plan(tuple(directives), tuple(findings), reading.summary)


def _refusal(
    draft: Draft, team: _Team, kept: Sequence[tuple[Draft, str]], earlier: Sequence[Directive]
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


def _not_sent(kind: FindingKind, sentence: str, draft: Draft) -> Finding:
    return Finding(kind, sentence, excerpt(draft.text), "It was not sent.")


def _mentions(drafts: Sequence[Draft], team: _Team) -> Iterator[Finding]:
    """Experts whom a directive for somebody else names with an @: no directive of their own."""
    for draft in drafts:
        for name in team.mentions(draft.text.partition("]")[2]):
            sentence = f"[{name}] is named with an @ inside the directive for [{draft.name}]."
            effect = f"It was read as part of that text; a directive for [{name}] starts a line of its own."
            yield Finding("inline_mention", sentence, excerpt(draft.text), effect)


def _needed(place: int, kept: Sequence[tuple[Draft, str]], team: _Team, findings: list[Finding]) -> list[int]:
    """The positions of the directives that come before the one at `place`."""
    draft, agent_id = kept[place]
    needed: list[int] = []
    for name in draft.depends_on:
        other_id = team.find(name)
        others = [other for other, (_, whose) in enumerate(kept) if whose == other_id and other != place]
        if not others:
            sentence = f"[{team.name_of(agent_id)}] is to wait for [{name}], who has no task in this plan."
            findings.append(Finding("unmet_dependency", sentence, excerpt(draft.text), "It was sent without waiting."))
        needed += [other for other in others if other not in needed]
    return needed


def _without_circles(
    wanted: Sequence[Sequence[int]], kept: Sequence[tuple[Draft, str]], findings: list[Finding]
) -> list[tuple[int, ...]]:
    """The dependencies that can be kept; each one that closes a circle has become a finding."""
    circles = waiting_in_a_circle(wanted)
    for waiting, other in circles:
        draft, needed = kept[waiting][0], kept[other][0]
        sentence = f"[{draft.name}] and [{needed.name}] wait for each other; neither could begin."
        effect = f"[{draft.name}] was sent without waiting for [{needed.name}]."
        findings.append(Finding("ping_pong", sentence, excerpt(draft.text), effect))
    return [
        tuple(sorted(other for other in needed if (place, other) not in circles)) for place, needed in enumerate(wanted)
    ]


def _worded(draft: Draft, name: str) -> str:
    """The directive with the expert's name as the team writes it."""
    return compose(name, draft.task, draft.context, draft.requirements, draft.depends_on)


def _plain(name: str) -> str:
    """A name without what spellings differ in."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
