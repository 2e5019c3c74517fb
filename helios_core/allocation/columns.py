"""The ledger as arrays: one row a bundle, one column a card of it.

B bundles of at most W cards: the cards of a host, or, where nothing ties cards together, one card each. Where a bundle
has fewer cards, the rest have -1 of everything. P shapes are those of the outlook. Whole numbers in float64.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from helios_core.allocation.ledger import Card, Ledger
from helios_core.allocation.outlook import Outlook, Whole
from helios_core.allocation.requests import LoadedModel

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Columns:
    """What is free, bundle by bundle; `follow` brings it in step with the ledger after a change."""

    def __init__(self, ledger: Ledger, outlook: Outlook, *, by_host: bool) -> None:
        self._ledger = ledger
        self.bundles = bundles_of(ledger, by_host=by_host)
        self.place_of = {card: (b, w) for b, bundle in enumerate(self.bundles) for w, card in enumerate(bundle)}
        self.host_of = [ledger.cards[bundle[0]].host.position if bundle else b for b, bundle in enumerate(self.bundles)]
        size = (len(self.bundles), max((len(bundle) for bundle in self.bundles), default=1) or 1)
        self.compute, self.memory = np.full(size, -1.0), np.full(size, -1.0)
        self.total_compute, self.capacity = np.zeros(size), np.zeros(size)
        self.celsius, self.percent = np.full(size, np.nan), np.full(size, np.nan)
        """What was measured last: temperature and utilisation; NaN where nothing was."""
        self.is_open: Mask = np.zeros(size, dtype=np.bool_)
        self.is_card: Mask = np.zeros(size, dtype=np.bool_)
        self.traits = list(dict.fromkeys(card.gpu.traits for card in ledger.cards))
        """The different traits of cards, and which of them each card has (B, W)."""
        self.traits_of: Indices = np.zeros(size, dtype=np.intp)
        numbers = {traits: number for number, traits in enumerate(self.traits)}
        for card in ledger.cards:
            place = self.place_of[card.position]
            self.traits_of[place], self.is_card[place] = numbers[card.gpu.traits], True
        self.cpu, self.ram = np.zeros(size[0]), np.zeros(size[0])
        self.own: Whole = np.array([shape.memory_mib for shape in outlook.shapes], dtype=np.float64)
        self.full: Whole = np.array(
            [shape.memory_mib + shape.weights_mib for shape in outlook.shapes], dtype=np.float64
        )
        self.needs: Whole = np.tile(self.full, (*size, 1))
        """What each shape would take of each card's memory (B, W, P)."""
        self._of_model = {
            model: np.array([shape.model == model for shape in outlook.shapes])
            for model in {shape.model for shape in outlook.shapes if shape.model is not None}
        }
        self._of_none: Mask = np.zeros(len(outlook.shapes), dtype=np.bool_)
        loaded = {model for card in ledger.cards for model in card.loaded}
        self._absent: dict[LoadedModel, Whole] = {model: np.ones(size) for model in loaded}
        self._bundle_of_host = {host: bundle for bundle, host in enumerate(self.host_of)} if by_host else {}
        for bundle, host in enumerate(self.host_of):
            self.cpu[bundle], self.ram[bundle] = ledger.hosts[host].free_cpu_milli, ledger.hosts[host].free_memory_mib
        self._read_all(ledger.cards)
        for card in ledger.cards:
            for model in card.loaded:
                self._load(model, self.place_of[card.position], loaded=True)

    def absent(self, model: LoadedModel) -> Whole:
        """1 on the cards (B, W) where the model is not loaded, 0 where it is."""
        found = self._absent.get(model)
        if found is None:
            found = self._absent[model] = np.ones(self.compute.shape)
            for card in self._ledger.cards:
                if model in card.loaded:
                    self._load(model, self.place_of[card.position], loaded=True)
        return found

    def of_model(self, model: LoadedModel | None) -> Mask:
        """The shapes (P) that use the model; none use no model."""
        return self._of_none if model is None else self._of_model.get(model, self._of_none)

    def follow(self, cards: Iterable[int], host: int, model: LoadedModel | None = None) -> list[int]:
        """Enter what changed on these cards and their host, `model` came or went; the bundles that are touched."""
        touched = []
        for position in cards:
            card = self._ledger.cards[position]
            self._follow_card(card)
            bundle, column = self.place_of[position]
            if model is not None and (self.absent(model)[bundle, column] == 0) != (model in card.loaded):
                self._load(model, (bundle, column), loaded=model in card.loaded)
            if bundle not in touched:
                touched.append(bundle)
        if self._bundle_of_host:
            bundle, account = self._bundle_of_host[host], self._ledger.hosts[host]
            self.cpu[bundle], self.ram[bundle] = account.free_cpu_milli, account.free_memory_mib
            return [bundle]
        return touched

    def reread(self, card: Card) -> None:
        """Enter a card's new readings."""
        place, gpu = self.place_of[card.position], card.gpu
        self._follow_card(card)
        self.is_open[place] = gpu.takes_new
        self.total_compute[place], self.capacity[place] = gpu.compute_milli, card.capacity_mib
        self.celsius[place] = np.nan if gpu.temperature_celsius is None else gpu.temperature_celsius
        self.percent[place] = np.nan if gpu.utilization_percent is None else gpu.utilization_percent

    def _read_all(self, cards: Sequence[Card]) -> None:
        """Enter every card at once: one by one a large fleet would take long."""
        if not cards:
            return
        places = tuple(np.array([self.place_of[card.position] for card in cards]).T)
        self.compute[places] = [card.free_compute_milli for card in cards]
        self.memory[places] = [card.free_memory_mib for card in cards]
        self.is_open[places] = [card.gpu.takes_new for card in cards]
        self.total_compute[places] = [card.gpu.compute_milli for card in cards]
        self.capacity[places] = [card.capacity_mib for card in cards]
        readings = [(card.gpu.temperature_celsius, card.gpu.utilization_percent) for card in cards]
        self.celsius[places] = [np.nan if celsius is None else celsius for celsius, _ in readings]
        self.percent[places] = [np.nan if percent is None else percent for _, percent in readings]

    def _follow_card(self, card: Card) -> None:
        place = self.place_of[card.position]
        self.compute[place] = card.free_compute_milli
        self.memory[place] = card.free_memory_mib

    def _load(self, model: LoadedModel, place: tuple[int, int], *, loaded: bool) -> None:
        self._absent[model][place] = 0.0 if loaded else 1.0
        columns = self._of_model.get(model)
        if columns is not None:
            self.needs[place][columns] = (self.own if loaded else self.full)[columns]


def bundles_of(ledger: Ledger, *, by_host: bool) -> list[tuple[int, ...]]:
    """The positions of the cards of each bundle."""
    if by_host:
        return [tuple(card.position for card in host.cards) for host in ledger.hosts]
    return [(card.position,) for card in ledger.cards]
