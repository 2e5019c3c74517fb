"""What a question is about, as far as its words tell, and what can be held about it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from helios_core.rehearsal.behaviour import Behaviour

COMMON_WORDS = """\
about after again also among because been before being between both could does doing down each even every from give
good have having here into just know like made make many more most much must need only other over shall should since
some such than that their them then there these they this those through under until very want well were what when where
which while whom whose will with within without would your yours ours please write tell explain describe compare suggest
recommend help think best better move keep change choose build made take taken start stop switch replace find want
improve decide first next last long soon still same another without instead"""
COMMON = frozenset(COMMON_WORDS.split())
WORD = re.compile(r"[^\W_][\w'-]*[^\W_]|[^\W_]")
GENERAL = ("the plan", "the team", "the cost")
"""What every question is about, where its own words tell too little."""

CLAIMS = (
    "{one} decides more of the outcome than {two}",
    "a trial of two weeks tells more about {one} than further analysis",
    "the cost of {two} grows faster than its benefit",
    "a mistake about {one} can be undone within a month",
    "the figures on {two} are too old to rest a decision on",
    "{one} has to come before {two}",
    "those who live with {two} have to be asked first",
    "a small step on {one} now is worth more than a large one later",
)
"""What can be held, denied or qualified about any question."""
CONDITIONS = (
    "somebody answers for {two}",
    "the budget holds for a year",
    "{two} stays as it is now",
    "the first month shows a gain",
    "nobody has to give up {two} for it",
)
FOR = ("I am clear on this: {}.", "My work shows that {}.", "I would build on this: {}.")
AGAINST = ("I do not hold that {}.", "Nothing I found bears out that {}.", "I would not build on the idea that {}.")
QUALIFIED = ("I hold that {}, but only if {}.", "It is right that {}, but only if {}.")


@dataclass(frozen=True, slots=True)
class Matter:
    """A question's subject."""

    question: str
    terms: tuple[str, ...]
    """What it names, in its order: at least three, of one or two words."""

    @property
    def subject(self) -> str:
        """The beginning of the question, in quotation marks."""
        words = self.question.split()
        return f"“{' '.join(words[:12])}{' …' if len(words) > 12 else ''}”"


@dataclass(frozen=True, slots=True)
class Held:
    """A stance as an expert writes it."""

    claim: str
    stance: str
    sentence: str


def matter_of(question: str) -> Matter:
    """What the words of a question tell."""
    phrases: list[list[str]] = [[]]
    for word in WORD.findall(question):
        is_telling = len(word) > 3 and word.casefold() not in COMMON
        if is_telling and len(phrases[-1]) < 2:
            phrases[-1].append(word)
        else:
            phrases.append([word] if is_telling else [])
    terms = list(dict.fromkeys(" ".join(phrase) for phrase in phrases if phrase))[:6]
    return Matter(question, (*terms, *GENERAL[: max(0, 3 - len(terms))]))


def claims_about(matter: Matter, behaviour: Behaviour) -> list[str]:
    """Five claims that experts can take a stance on; the same for all who are asked this question."""
    one, two = behaviour.ordered(matter.terms, matter.question)[:2]
    return [claim.format(one=one, two=two) for claim in behaviour.ordered(CLAIMS, matter.question)[:5]]


def stances_of(expert: str, matter: Matter, behaviour: Behaviour) -> Iterator[Held]:
    """What one expert holds: three of the claims. Most experts agree on a claim; some do not."""
    spoken = behaviour.ordered(claims_about(matter, behaviour), matter.question, expert)[:3]
    for claim in spoken:
        chance = behaviour.share("stance", matter.question, expert, claim)
        if chance >= behaviour.dissent_share:
            yield Held(claim, "for", behaviour.chosen(FOR, expert, claim).format(claim))
        elif chance >= behaviour.dissent_share / 2:
            condition = behaviour.chosen(CONDITIONS, expert, claim).format(two=matter.terms[-1])
            yield Held(claim, "qualified", behaviour.chosen(QUALIFIED, expert, claim).format(claim, condition))
        else:
            yield Held(claim, "against", behaviour.chosen(AGAINST, expert, claim).format(claim))


def held_in(text: str) -> Iterator[Held]:
    """The stances that a text takes, with its own words."""
    for stance, forms in (("qualified", QUALIFIED), ("for", FOR), ("against", AGAINST)):
        for form in forms:
            pattern = re.escape(form).replace(r"\{\}", r"([^.\n]+?)")
            yield from (Held(found[1], stance, found[0]) for found in re.finditer(pattern, text))
