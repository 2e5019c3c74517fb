"""The score of fleets of any size: what each request costs where, worked out again only for what changed."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from helios_core.allocation.columns import Columns, Indices, Mask
from helios_core.allocation.ledger import Card, Ledger
from helios_core.allocation.losses import Losses
from helios_core.allocation.outlook import Outlook, Whole
from helios_core.allocation.refusals import Check, Question, passes
from helios_core.allocation.requests import Kind, LoadedModel, Shape, may_use
from helios_core.allocation.rules import Strategy, strategy_of
from helios_core.allocation.score import FIRST, UNREAD_CELSIUS, Candidate, rank

MOST_ROWS = 512
"""Demands whose costs are kept; 8 bytes a card each."""
FEW = 64
"""So many bundles are worked out twice, should they have changed twice, rather than sorted."""
PATIENCE = 4
"""How many refused candidates are skipped one by one before all are put in order."""


class Board:
    """The costs of each demand on every card (B, W), and since which change they hold."""

    def __init__(self, ledger: Ledger, outlook: Outlook, *, by_host: bool) -> None:
        self._ledger = ledger
        self._columns = Columns(ledger, outlook, by_host=by_host)
        self._losses = Losses(ledger, self._columns, outlook, by_host=by_host)
        self._everywhere: Indices = np.arange(len(self._columns.bundles))
        self._rows: dict[Shape, tuple[Whole, int]] = {}
        self._masks: dict[Kind, Mask | None] = {}
        self._changes: Indices = np.zeros(4 * len(self._everywhere) + 64, dtype=np.intp)
        self._last = 0
        self._forgotten = 0

    def changed(self, cards: Iterable[int], host: int, model: LoadedModel | None = None) -> None:
        """Follow the ledger after something changed on these cards of the host; `model` came or went."""
        for bundle in self._columns.follow(cards, host, model):
            if self._last == len(self._changes):
                self._forgotten += self._last
                self._last = 0
            self._changes[self._last] = bundle
            self._last += 1

    def reread(self, card: int, host: int) -> None:
        """Follow new readings of a card."""
        place = self._columns.place_of[card]
        was_open = bool(self._columns.is_open[place])
        self._columns.reread(self._ledger.cards[card])
        self.changed((card,), host)
        if was_open != self._columns.is_open[place]:
            self._masks.clear()

    def ranked(self, question: Question, checks: Sequence[Check], most: int) -> list[Candidate]:
        """The candidates that cost least, among those that pass the checks and have room: so many at most."""
        shape = question.shape
        costs = self._row(shape)
        if shape.cards == 1:
            mask = self._mask(question.request.kind)
            costs = costs if mask is None else np.where(mask, costs, np.inf)
        strategy = strategy_of(question.rules) if question.rules else Strategy.PACK
        if strategy is not Strategy.PACK:
            costs = costs + FIRST * self._ranks(strategy)
        found: list[Candidate] = []
        for bundle, column in _cheapest_first(costs):
            cards = self._cards(question, checks, bundle, column)
            if cards is not None:
                found.append(Candidate(float(costs[bundle, column]), self._columns.host_of[bundle], cards))
                if len(found) == most:
                    break
        return found

    def price(self, question: Question, card: Card) -> float:
        """What the request would cost on the card, which has room."""
        place = self._columns.place_of[card.position]
        strategy = strategy_of(question.rules)
        return float(self._row(question.shape)[place]) + FIRST * rank(strategy, card)

    def _cards(self, question: Question, checks: Sequence[Check], bundle: int, column: int) -> tuple[int, ...] | None:
        """The cards of the bundle to take; None where too few of them pass the checks."""
        wanted, positions, cards = question.shape.cards, self._columns.bundles[bundle], self._ledger.cards
        if wanted == 0:
            return ()
        if wanted == 1:
            return (positions[column],) if passes(question, cards[positions[column]], checks) else None
        own = self._losses.own(question.shape, bundle)
        fit = [
            p for p, loss in zip(positions, own, strict=False) if loss < np.inf and passes(question, cards[p], checks)
        ]
        fit.sort(key=lambda position: own[positions.index(position)])
        return tuple(fit[:wanted]) if len(fit) >= wanted else None

    def _row(self, shape: Shape) -> Whole:
        now = self._forgotten + self._last
        known = self._rows.get(shape)
        if known is None or known[1] < self._forgotten:
            if known is None and len(self._rows) >= MOST_ROWS:
                self._rows.pop(next(iter(self._rows)))
            costs = self._losses.costs(shape, self._everywhere)
        else:
            costs, since = known
            if since == now:
                return costs
            at = self._changes[since - self._forgotten : self._last]
            if len(at) > FEW:
                at = np.unique(at)
            costs[at] = self._losses.costs(shape, at)
        self._rows[shape] = (costs, now)
        return costs

    def _mask(self, kind: Kind) -> Mask | None:
        """The cards (B, W) that may serve the kind and take anything new; None where all do."""
        if kind not in self._masks:
            if len(self._masks) >= MOST_ROWS:
                self._masks.pop(next(iter(self._masks)))
            may_use_it = np.array([may_use(kind, traits) for traits in self._columns.traits] or [True])
            mask = self._columns.is_open & may_use_it[self._columns.traits_of]
            self._masks[kind] = None if mask[self._columns.is_card].all() else mask
        return self._masks[kind]

    def _ranks(self, strategy: Strategy) -> Whole:
        """What `score.rank` says of every card (B, W)."""
        columns = self._columns
        if strategy is Strategy.THERMAL_HEADROOM:
            return np.where(np.isnan(columns.celsius), UNREAD_CELSIUS, np.rint(10 * columns.celsius))
        compute = _promised(columns.compute, columns.total_compute)
        if strategy is Strategy.LEAST_LOADED:
            return np.where(np.isnan(columns.percent), compute, np.rint(10 * columns.percent))
        return np.maximum(compute, _promised(columns.memory, columns.capacity))


def _promised(free: Whole, total: Whole) -> Whole:
    """What is not free, in whole thousandths; nothing where there is nothing."""
    return np.where(total > 0, 1000 - np.floor(1000 * free / np.maximum(total, 1)), 0)


def _cheapest_first(costs: Whole) -> Iterator[tuple[int, int]]:
    """The places that have room, the cheapest first and of equals the first; nothing is sorted before it must be."""
    width = costs.shape[1]
    flat = costs.ravel()
    tried: list[int] = []
    for _ in range(PATIENCE):
        if not flat.size:
            return
        place = int(flat.argmin())
        if flat[place] == np.inf:
            return
        yield divmod(place, width)
        if not tried:
            flat = flat.copy()
        tried.append(place)
        flat[place] = np.inf
    for place in np.argsort(flat, kind="stable").tolist():
        if flat[place] == np.inf:
            return
        yield divmod(place, width)
