"""The score of fleets of any size: what each request costs where, worked out again only for what changed."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from helios_core.allocation.columns import Columns, Indices, Mask
from helios_core.allocation.ledger import Ledger
from helios_core.allocation.losses import Demand, Losses
from helios_core.allocation.mix import Outlook, Whole, may_use
from helios_core.allocation.refusals import Check, Question, passes
from helios_core.allocation.requests import Kind, LoadedModel
from helios_core.allocation.rules import Strategy, strategy_of
from helios_core.allocation.score import FIRST, rank

MOST_ROWS = 512
"""Demands whose costs are kept; 8 bytes a card each."""
PATIENCE = 4
"""How many refused candidates are skipped one by one before all are put in order."""


class Board:
    """The costs of each demand on every card (B, W), and since which change they hold."""

    def __init__(self, ledger: Ledger, outlook: Outlook, *, by_host: bool) -> None:
        self._ledger = ledger
        self._columns = Columns(ledger, outlook, by_host=by_host)
        self._losses = Losses(ledger, self._columns, outlook, by_host=by_host)
        self._everywhere: Indices = np.arange(len(self._columns.bundles))
        self._rows: dict[Demand, tuple[Whole, int]] = {}
        self._masks: dict[Kind, Mask] = {}
        self._changes: list[int] = []
        self._forgotten = 0

    def changed(self, cards: Iterable[int], host: int, model: LoadedModel | None = None) -> None:
        """Follow the ledger after something changed on these cards of the host; `model` came or went."""
        self._changes.extend(self._columns.follow(cards, host, model))
        if len(self._changes) > 4 * len(self._everywhere) + 64:
            self._forgotten += len(self._changes)
            self._changes.clear()

    def best(self, question: Question, checks: Sequence[Check]) -> tuple[int, tuple[int, ...]] | None:
        """The host and the cards that cost least, among those that pass the checks and have room."""
        kind, shape = question.request.kind, question.shape
        demand = Demand(shape, kind.host_cpu_milli, kind.host_memory_mib)
        costs = self._row(demand)
        if shape.cards == 1:
            costs = np.where(self._mask(kind), costs, np.inf)
        strategy = strategy_of(question.rules)
        if strategy is not Strategy.PACK:
            costs = costs + FIRST * self._ranks(strategy)
        for bundle, column in _cheapest_first(costs):
            cards = self._cards(question, checks, demand, bundle, column)
            if cards is not None:
                return self._columns.host_of[bundle], cards
        return None

    def _cards(
        self, question: Question, checks: Sequence[Check], demand: Demand, bundle: int, column: int
    ) -> tuple[int, ...] | None:
        """The cards of the bundle to take; None where too few of them pass the checks."""
        wanted, positions, cards = demand.shape.cards, self._columns.bundles[bundle], self._ledger.cards
        if wanted == 0:
            return ()
        if wanted == 1:
            return (positions[column],) if passes(question, cards[positions[column]], checks) else None
        own = self._losses.own(demand, bundle)
        fit = [
            p for p, loss in zip(positions, own, strict=False) if loss < np.inf and passes(question, cards[p], checks)
        ]
        fit.sort(key=lambda position: own[positions.index(position)])
        return tuple(fit[:wanted]) if len(fit) >= wanted else None

    def _row(self, demand: Demand) -> Whole:
        now = self._forgotten + len(self._changes)
        known = self._rows.get(demand)
        if known is None or known[1] < self._forgotten:
            if len(self._rows) >= MOST_ROWS:
                self._rows.pop(next(iter(self._rows)))
            costs = self._losses.costs(demand, self._everywhere)
        else:
            costs, since = known
            if since == now:
                return costs
            at = np.array(list(set(self._changes[since - self._forgotten :])), dtype=np.intp)
            costs[at] = self._losses.costs(demand, at)
        self._rows[demand] = (costs, now)
        return costs

    def _mask(self, kind: Kind) -> Mask:
        """The cards (B, W) that may serve the kind at all."""
        mask = self._masks.get(kind)
        if mask is None:
            mask = np.zeros(self._columns.compute.shape, dtype=np.bool_)
            for card in self._ledger.cards:
                mask[self._columns.place_of[card.position]] = may_use(kind, card.gpu.traits)
            if len(self._masks) >= MOST_ROWS:
                self._masks.pop(next(iter(self._masks)))
            self._masks[kind] = mask
        return mask & self._columns.is_open

    def _ranks(self, strategy: Strategy) -> Whole:
        ranks = np.zeros(self._columns.compute.shape)
        for card in self._ledger.cards:
            ranks[self._columns.place_of[card.position]] = rank(strategy, card)
        return ranks


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
