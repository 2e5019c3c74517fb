"""The score of small fleets in plain Python: a handful of cards, none tied to another by what a host has to give."""

from collections.abc import Iterable, Sequence

from helios_core.allocation.ledger import Card, Ledger
from helios_core.allocation.outlook import Outlook
from helios_core.allocation.refusals import Check, Question, passes
from helios_core.allocation.requests import LoadedModel, Shape
from helios_core.allocation.rules import strategy_of
from helios_core.allocation.score import FIRST, card_bound, cost, rank

MOST_REMEMBERED = 2**14


class PlainBoard:
    """The worth of each card as it stands, and of each card as it could be: remembered, as small fleets repeat."""

    def __init__(self, ledger: Ledger, outlook: Outlook) -> None:
        self._ledger = ledger
        self._outlook = outlook
        self._rows = [
            [(shape.compute_milli, shape.memory_mib, shape.weights_mib, shape.model, weight)
             for shape, weight in zip(outlook.shapes, merged, strict=True) if weight]
            for merged in outlook.merged.tolist()
        ]  # fmt: skip
        self._known: dict[tuple[int, int, int, frozenset[LoadedModel]], float] = {}

    def changed(self, cards: Iterable[int], host: int, model: LoadedModel | None = None) -> None:
        """Nothing to do: worth is looked up by what the card has."""

    def reread(self, card: int, host: int) -> None:
        """Nothing to do either."""

    def best(self, question: Question, checks: Sequence[Check]) -> tuple[int, tuple[int, ...]] | None:
        """The host and the card that cost least, among those that pass the checks and have room."""
        shape = question.shape
        strategy = strategy_of(question.rules) if question.rules else None
        cheapest, found = 0.0, None
        for card in self._ledger.cards:
            if not (card.has_room_for(shape) and card.host.has_room_for(question.request)):
                continue
            if not passes(question, card, checks):
                continue
            price = self.price(card, shape)
            if strategy is not None:
                price += FIRST * rank(strategy, card)
            if found is None or price < cheapest:
                cheapest, found = price, card
        return None if found is None else (found.host.position, (found.position,))

    def price(self, card: Card, shape: Shape) -> float:
        """What the shape costs on this card, by the formula of `score`."""
        sort = self._outlook.class_of_host[card.host.position]
        compute, memory, models = card.free_compute_milli, card.free_memory_mib, card.loaded_models
        before = self._worth(sort, compute, memory, models)
        if shape.model is None or shape.model in models:
            after = self._worth(sort, compute - shape.compute_milli, memory - card.memory_for(shape), models)
        else:
            grown = models | {shape.model}
            after = self._worth(sort, compute - shape.compute_milli, memory - card.memory_for(shape), grown)
        return cost(before - after, card_bound(self._outlook, compute, memory))

    def _worth(self, sort: int, compute: int, memory: int, models: frozenset[LoadedModel]) -> float:
        state = (sort, compute, memory, models)
        worth = self._known.get(state)
        if worth is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            fits = sum(
                weight
                for needed, own, weights, model, weight in self._rows[sort]
                if compute >= needed and memory >= (own if model in models else own + weights)
            )
            worth = self._known[state] = fits * card_bound(self._outlook, compute, memory)
        return worth
