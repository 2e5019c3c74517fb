"""What the rehearsal answers: texts over the words of the question, in the forms that a team asks for."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from helios_core.rehearsal.behaviour import Behaviour
from helios_core.rehearsal.matter import claims_about, held_in, matter_of, stances_of
from helios_core.rehearsal.reading import Asked, Response

MADE_UP = "This is a rehearsal: a program composed it from the words of the question, and no model was asked."
NOBODY = "Legal Counsel"
"""Whom a careless plan addresses: the default team has no such member."""
AS_ASKED = "As the review asked"


def write(asked: Asked, behaviour: Behaviour) -> str:
    """The answer to a request."""
    return WRITERS.get(asked.purpose, talk)(asked, behaviour)


def plan(asked: Asked, behaviour: Behaviour) -> str:
    """Three or four directives for the experts whose field the question touches, one of them waiting for another."""
    matter, changes = matter_of(asked.question), asked.quoted("A review wants")
    experts = sorted(
        asked.team, key=lambda member: (-_shared(asked.question, member[1]), behaviour.share(member, asked.question))
    )[: 1 if changes else 3 + (len(matter.terms) > 4)]
    directives = [
        _directive(name, place, asked, behaviour) | ({"depends_on": [experts[0][0]]} if place == 2 else {})
        for place, (name, _) in enumerate(experts)
    ]
    is_first = not changes and not asked.quoted("Your plan before")
    if is_first and behaviour.share("careless", asked.question) < behaviour.careless_share:
        directives.append(_directive(NOBODY, 3, asked, behaviour))
    views = "one more view" if len(directives) == 1 else f"{len(directives)} views"
    summary = f"The question is about {matter.subject}. It needs {views}, to be weighed afterwards."
    if asked.is_structured:
        return json.dumps({"summary": summary, "directives": directives})
    return "\n\n".join([summary, *map(_as_text, directives)])


def answer(asked: Asked, behaviour: Behaviour) -> str:
    """An expert's answer, under the headings of the team's contract."""
    matter = matter_of(asked.question)
    held = list(stances_of(asked.expert, matter, behaviour))
    term, other = behaviour.ordered(matter.terms, asked.expert, asked.task)[:2]
    confidence = 0.55 + 0.35 * behaviour.share("confidence", asked.expert, asked.question)
    verdicts = [
        "partly met, see Open" if behaviour.share("verdict", asked.expert, one) < 0.15 else "met, see Answer"
        for one in asked.requirements
    ]
    return "\n".join(
        [
            "## Answer",
            f"Begin with {term}, and look at {other} again after the first results.",
            *(_fulfilled(one, asked.expert, behaviour) for one in asked.requirements),
            *(one.sentence for one in held),
            "",
            "## Grounds",
            f"- given: the question names {', '.join(matter.terms[:3])}.",
            f"- derived: {term} touches {other}, so that a change of one shows in the other.",
            f"- assumed: {MADE_UP}",
            "",
            "## Requirements",
            *(f"- {one.rstrip('.')}: {verdict}." for one, verdict in zip(asked.requirements, verdicts, strict=True)),
            "",
            "## Confidence",
            f"{confidence:.2f}. A measurement of {term} would change it most.",
            "",
            "## Open",
            f"How far {other} can be changed, which only who runs it knows." if confidence < 0.75 else "nothing",
        ]
    )


def judge(asked: Asked, behaviour: Behaviour) -> str:
    """Grades that follow what the answer says of itself, and a little of chance."""
    text = asked.quoted("The answer:")
    is_partial = "partly met" in text or "not met" in text
    grades = {
        criterion: min(5, 3 + round(2 * behaviour.share(criterion, text)))
        for criterion in ("requirements", "grounds", "honesty", "clarity")
    }
    if is_partial:
        grades["requirements"] = 3
    faults = ["A requirement is partly met only."] if is_partial else []
    explanation = (
        f"The answer gives a result first and marks its grounds; {'not all' if is_partial else 'all'} that "
        f"the directive asks for is there. {MADE_UP}"
    )
    return json.dumps({**grades, "overall": min(grades.values()), "explanation": explanation, "faults": faults})


def claims(asked: Asked, _behaviour: Behaviour) -> str:
    """The claims that the responses take a stance on, proved by their own words."""
    stances: dict[str, list[dict[str, object]]] = {}
    for place, response in enumerate(asked.responses, start=1):
        for held in held_in(response.text):
            stance = {"response": place, "stance": held.stance, "quote": held.sentence}
            stances.setdefault(_sentence(held.claim), []).append(stance)
    found = sorted(stances.items(), key=lambda item: (-len(item[1]), item[0]))[:12]
    return json.dumps({"claims": [{"claim": claim, "stances": taken} for claim, taken in found]})


def synthesis(asked: Asked, behaviour: Behaviour) -> str:
    """One answer out of all, each sentence with who holds it, and what the minority holds."""
    matter = matter_of(asked.question)
    by_claim: dict[str, dict[str, list[str]]] = {}
    for response in asked.responses:
        for held in held_in(response.text):
            names = by_claim.setdefault(held.claim, {}).setdefault(held.stance, [])
            names += [] if response.name in names else [response.name]
    lines = [f"On {matter.subject}, the team's answer is this.", ""]
    lines += list(dict.fromkeys(_advice(response) for response in asked.responses))
    lines += ["", *(_weighed(claim, stances) for claim, stances in by_claim.items())]
    missing, changes = asked.quoted("Nobody answered"), asked.quoted("A review wants")
    if missing:
        lines += ["", "Nobody answered this part:", missing]
    if changes:
        lines += ["", f"{AS_ASKED}, the order of the steps: {', then '.join(matter.terms[:3])}."]
    if not asked.responses:
        lines.append(f"I would begin with {behaviour.chosen(matter.terms, asked.question)}.")
    return "\n".join([*lines, "", MADE_UP])


def review(asked: Asked, behaviour: Behaviour) -> str:
    """A verdict. What is sent back comes with one change, and passes once that is made."""
    text = asked.quoted("The synthesis:")
    is_returned = AS_ASKED not in text and behaviour.share("review", asked.question) < behaviour.returned_share
    has_gap = "Nobody answered" in text
    verdict = "return" if is_returned else "pass_with_reservations" if has_gap else "pass"
    changes = ["Say in which order the steps come."] if is_returned else []
    reason = {
        "return": "The synthesis does not say in which order its steps come.",
        "pass_with_reservations": "It answers the question but for the part that nobody answered, and says so.",
        "pass": "It answers the question, names who holds what, and keeps the reservations.",
    }[verdict]
    return json.dumps({"verdict": verdict, "explanation": f"{reason} {MADE_UP}", "changes": changes})


def talk(asked: Asked, behaviour: Behaviour) -> str:
    """An answer outside the team's forms."""
    matter = matter_of(asked.question)
    sentences = [f"You ask about {matter.subject}.", *(f"{_sentence(one)}." for one in claims_about(matter, behaviour))]
    text = " ".join([*sentences[:3], MADE_UP])
    return json.dumps({"answer": text}) if asked.is_structured else text


WRITERS: Mapping[str, Callable[[Asked, Behaviour], str]] = {
    "plan": plan,
    "answer": answer,
    "judge": judge,
    "claims": claims,
    "synthesis": synthesis,
    "review": review,
}
TASKS = (
    "Say what to do about {one}, and what that means for {two}.",
    "Name what speaks for and against {one}, with the figures that decide.",
    "Work out the first three steps on {one}, and what could stop each.",
    "Find what is assumed about {two}, and which assumption fails first.",
)
RECOMMENDATION, RISK = "A recommendation on ", "The largest risk for "
ADVICE = (
    "try it for two weeks with those who ask for it",
    "leave it as it is until somebody answers for it",
    "do its smallest part first, and count what changes",
    "decide it by a measurement, not by a meeting",
)
RISKS = (
    ("two people change it at once", "a list of who changes what, read every morning"),
    ("nobody notices that it has stopped", "an alarm on the first late day"),
    ("its cost is seen a quarter too late", "a bill by the day"),
    ("the one who knows it leaves", "a second person who has done it once"),
)
"""What may go wrong, and what shows it early."""


def _fulfilled(requirement: str, expert: str, behaviour: Behaviour) -> str:
    """What an answer says to a requirement."""
    if requirement.startswith(RECOMMENDATION):
        subject = requirement.removeprefix(RECOMMENDATION).rstrip(".")
        return f"My recommendation on {subject}: {behaviour.chosen(ADVICE, expert, requirement)}."
    if requirement.startswith(RISK):
        subject = requirement.removeprefix(RISK).partition(",")[0]
        risk, sign = behaviour.chosen(RISKS, expert, requirement)
        return f"The largest risk for {subject} is that {risk}; {sign} shows it early."
    return f"As to “{requirement.rstrip('.')}”: {behaviour.chosen(ADVICE, expert, requirement)}."


def _directive(name: str, place: int, asked: Asked, behaviour: Behaviour) -> dict[str, Any]:
    matter, changes = matter_of(asked.question), asked.quoted("A review wants")
    one, two = behaviour.ordered(matter.terms, name, asked.question)[:2]
    task = TASKS[place % len(TASKS)].format(one=one, two=two)
    if changes:
        task = f"Put the steps on {one} and {two} in their order, and say why."
    return {
        "expert": name,
        "task": task,
        "context": f"It serves the question about {matter.subject}.",
        "requirements": [f"{RECOMMENDATION}{one}", f"{RISK}{two}, and how to see it early"],
        "depends_on": [],
    }


def _as_text(directive: Mapping[str, Any]) -> str:
    lines = [f"@[{directive['expert']}] {directive['task']}", f"Context: {directive['context']}", "Requirements:"]
    lines += [f"- {requirement}" for requirement in directive["requirements"]]
    if directive["depends_on"]:
        lines.append("Depends on: " + ", ".join(f"[{name}]" for name in directive["depends_on"]))
    return "\n".join(lines)


def _advice(response: Response) -> str:
    """The first sentence that an expert answers, in the third person."""
    lines = [line for line in response.text.splitlines() if line.strip() and not line.startswith("#")]
    return f"{lines[0].rstrip('.') if lines else 'There is no result'} [{response.name}]."


def _weighed(claim: str, stances: Mapping[str, list[str]]) -> str:
    """What the experts make of a claim, the majority first."""
    words = {"for": "{} [{}].", "against": "That {} is denied [{}].", "qualified": "That {} holds conditionally [{}]."}
    parts = []
    for stance, names in sorted(stances.items(), key=lambda item: -len(item[1])):
        said = _sentence(claim) if stance == "for" else claim
        parts.append(words[stance].format(said, ", ".join(names)))
    return "- " + " ".join(parts)


def _sentence(claim: str) -> str:
    return claim[:1].upper() + claim[1:]


def _shared(question: str, description: str) -> int:
    """How many of the question's telling words a description has."""
    words = {word.casefold()[:5] for word in matter_of(question).terms}
    return len(words & {word.casefold()[:5] for word in matter_of(description).terms})
