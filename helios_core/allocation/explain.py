"""Explain a decision: why here, what came next, and for every card that was refused the first rule that refused it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from helios_core.allocation.ledger import Card, owned_mib
from helios_core.allocation.place import Answer, Choice, Placer
from helios_core.allocation.refusals import (
    STATIC,
    Reason,
    Refusal,
    gib,
    other_cards,
    refusal,
    room,
)
from helios_core.allocation.requests import Request
from helios_core.allocation.rules import Strategy, strategy_of

BECAUSE = {
    Strategy.PACK: "it costs least of what others are likely to need",
    Strategy.SPREAD: "least of it is promised",
    Strategy.LEAST_LOADED: "it is the least busy",
    Strategy.THERMAL_HEADROOM: "it is the coolest",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a candidate costs. Memory in MiB on each card; the expected loss in cards."""

    gpu_ids: tuple[int, ...]
    memory_mib: int
    shares_weights: bool
    free_after_mib: int
    capacity_mib: int
    loss_cards: float

    @property
    def sentence(self) -> str:
        """The terms in one line."""
        lost = f"{self.loss_cards:.2f} cards of usable capacity lost"
        if not self.gpu_ids:
            return f"needs no GPU, {lost}"
        shared = ", sharing loaded weights" if self.shares_weights else ""
        stay = f"{gib(self.free_after_mib)} of {gib(self.capacity_mib)} GiB stay free"
        return f"takes {gib(self.memory_mib)} GiB{shared}, {stay}, {lost}"


class Explanation:
    """A decision with its reasons. They are put into words when they are read.

    `cards`: gives the cards as they stood when it was made.
    """

    def __init__(
        self, answer: Answer, cards: Callable[[], Sequence[Card]], refusals: tuple[Refusal, ...] | None
    ) -> None:
        self._answer = answer
        self._cards_then = cards
        self._told = refusals

    @property
    def choice(self) -> Choice | None:
        """What was decided; None where nothing takes the request."""
        return self._answer.choice

    @property
    def strategy(self) -> Strategy:
        """What made one card better than another."""
        return strategy_of(self._answer.question.rules)

    @property
    def chosen(self) -> Terms | None:
        """The terms of the choice."""
        return self._terms(0)

    @property
    def runner_up(self) -> Terms | None:
        """The terms of what would have been next."""
        return self._terms(1)

    @cached_property
    def refusals(self) -> tuple[Refusal, ...]:
        """Why each card that was refused was refused, or all of them at once."""
        return _refusals(self._answer, self._cards) if self._told is None else self._told

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each of these: the choice, the runner-up, the refused cards."""
        lines = []
        chosen, runner_up = self.chosen, self.runner_up
        if chosen is not None:
            because = "it is the preferred card" if self._answer.is_preferred else BECAUSE[self.strategy]
            lines.append(f"{_named(chosen)}: chosen, {because}; {chosen.sentence}.")
        if runner_up is not None:
            lines.append(f"{_named(runner_up)}: next best; {runner_up.sentence}.")
        return (*lines, *(refusal.sentence for refusal in self.refusals))

    @cached_property
    def _cards(self) -> Sequence[Card]:
        return self._cards_then()

    def _terms(self, number: int) -> Terms | None:
        if len(self._answer.candidates) <= number:
            return None
        candidate, shape = self._answer.candidates[number], self._answer.question.shape
        cards = [self._cards[position] for position in candidate.cards]
        memory = max((card.memory_for(shape) for card in cards), default=0)
        return Terms(
            gpu_ids=tuple(card.gpu.gpu_id for card in cards),
            memory_mib=memory,
            shares_weights=bool(shape.weights_mib) and any(shape.model in card.loaded for card in cards),
            free_after_mib=min((card.free_memory_mib - card.memory_for(shape) for card in cards), default=0),
            capacity_mib=min((card.capacity_mib for card in cards), default=0),
            loss_cards=candidate.loss_cards,
        )


def _named(terms: Terms) -> str:
    return " and ".join(f"GPU {gpu_id}" for gpu_id in terms.gpu_ids) or "Host"


def explain(placer: Placer, request: Request) -> Explanation:
    """Decide where the request would go, as `Placer.choose` does, and keep what the reasons need."""
    answer = placer.ask(request, most=2)
    now = _over_quota(placer, answer)
    if now is None and not STATIC.issuperset(answer.checks):
        now = _refusals(answer, placer.ledger.cards)
    return Explanation(answer, placer.ledger.snapshot().cards, now)


def explain_now(placer: Placer, request: Request) -> Explanation:
    """The same for who reads all of it before anything changes."""
    answer = placer.ask(request, most=2)
    return Explanation(answer, lambda: placer.ledger.cards, _over_quota(placer, answer))


def _over_quota(placer: Placer, answer: Answer) -> tuple[Refusal, ...] | None:
    question = answer.question
    left = placer.policy.quota_left_mib(question.request)
    if left is None or owned_mib(question.shape) <= left:
        return None
    cause = f"its owner's quota leaves {gib(max(left, 0))} GiB; the agent needs {gib(owned_mib(question.shape))}"
    return (Refusal(None, Reason.QUOTA, cause),)


def _refusals(answer: Answer, cards: Sequence[Card]) -> tuple[Refusal, ...]:
    """The refusals by these cards, in their order."""
    question, several = answer.question, answer.question.shape.cards > 1
    found = []
    for card in cards:
        told = refusal(question, card, (*answer.checks, room))
        if told is None and several:
            lack = other_cards(question, card, answer.checks)
            told = None if lack is None else Refusal(card.gpu.gpu_id, *lack)
        if told is not None:
            found.append(told)
    return tuple(found)
