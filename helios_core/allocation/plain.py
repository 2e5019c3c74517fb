"""The score of small fleets in plain Python: a handful of cards, none tied to another by what a host has to give."""

from collections.abc import Iterable, Sequence

from helios_core.allocation.ledger import Card, CardState, Ledger
from helios_core.allocation.outlook import Outlook
from helios_core.allocation.refusals import Check, Question, passes
from helios_core.allocation.requests import LoadedModel, Shape
from helios_core.allocation.rules import strategy_of
from helios_core.allocation.score import FIRST, Candidate, card_bound, cost, rank

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
        self._prices: dict[Shape, dict[CardState, float]] = {}
        self._worths: dict[tuple[int, int, int, frozenset[LoadedModel]], float] = {}

    def changed(self, cards: Iterable[int], host: int, model: LoadedModel | None = None) -> None:
        """Nothing to do: worth is looked up by what the card has."""

    def reread(self, card: int, host: int) -> None:
        """Nothing to do either."""

    def ranked(self, question: Question, checks: Sequence[Check], most: int) -> list[Candidate]:
        """The candidates that cost least, among those that pass the checks and have room: so many at most."""
        shape, prices = question.shape, self._prices_of(question.shape)
        found = []
        for card in self._ledger.cards:
            if card.has_room_for(shape) and passes(question, card, checks):
                price = prices.get(card.state)
                if price is None:
                    price = prices[card.state] = self._price(card, shape)
                found.append((price, card.host.position, card.position))
        if question.rules:
            found = [(price + self._first(question, position), host, position) for price, host, position in found]
        found.sort()
        return [Candidate(price, host, (position,)) for price, host, position in found[:most]]

    def price(self, question: Question, card: Card) -> float:
        """What the request would cost on the card, which has room."""
        return next(
            one.price for one in self.ranked(question, (), len(self._ledger.cards)) if one.cards[0] == card.position
        )

    def _first(self, question: Question, position: int) -> int:
        return FIRST * rank(strategy_of(question.rules), self._ledger.cards[position])

    def _prices_of(self, shape: Shape) -> dict[CardState, float]:
        """What the shape costs on cards in the states in which it was asked about before."""
        prices = self._prices.get(shape)
        if prices is None or len(prices) > MOST_REMEMBERED:
            prices = self._prices[shape] = {}
        return prices

    def _price(self, card: Card, shape: Shape) -> float:
        """What the shape costs on this card, by the formula of `score`."""
        sort = self._outlook.class_of_host[card.host.position]
        compute, memory, models = card.free_compute_milli, card.free_memory_mib, card.loaded_models
        before = self._remembered_worth(sort, compute, memory, models)
        with_it = models if shape.model is None else models | {shape.model}
        after = self._remembered_worth(sort, compute - shape.compute_milli, memory - card.memory_for(shape), with_it)
        return cost(before - after, card_bound(self._outlook, compute, memory))

    def _remembered_worth(self, *card: *tuple[int, int, int, frozenset[LoadedModel]]) -> float:
        """The same for cards as there were before; a card after one request is often that before the next."""
        worth = self._worths.get(card)
        if worth is None:
            if len(self._worths) > MOST_REMEMBERED:
                self._worths.clear()
            worth = self._worths[card] = self._worth(*card)
        return worth

    def _worth(self, sort: int, compute: int, memory: int, models: frozenset[LoadedModel]) -> float:
        """What a card with this much left is worth to what is likely to come."""
        fits = sum(
            weight
            for needed, own, weights, model, weight in self._rows[sort]
            if compute >= needed and memory >= (own if model in models else own + weights)
        )
        worth: float = fits * card_bound(self._outlook, compute, memory)
        return worth
