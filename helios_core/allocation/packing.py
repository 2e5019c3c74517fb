"""A problem with some of its items placed: put one in, take one out, and it never holds more than there is."""

from collections.abc import Sequence

from helios_core.allocation.problem import Item, Problem, Way
from helios_core.allocation.requests import LoadedModel, Shape

Place = tuple[int, tuple[int, ...]]
"""Which of an item's ways, and its cards."""


class Packing:
    """Who is where, and what is left."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.memory = dict(problem.memory_mib)
        self.budgets = list(problem.budgets)
        self.places: dict[int, Place] = {}
        self.on_card: dict[int, dict[int, None]] = {card: {} for card in problem.memory_mib}
        self._users: dict[int, dict[LoadedModel, int]] = {
            card: dict.fromkeys(models, 1) for card, models in problem.resident.items()
        }
        self._exclusives = any(problem.exclusive.values()) or any(
            item.request.kind.is_exclusive for item in problem.items
        )

    def memory_for(self, shape: Shape, card: int) -> int:
        """What the shape would take of the card's memory, in MiB."""
        return shape.memory_mib if shape.model in self._users[card] else shape.memory_mib + shape.weights_mib

    def cards_for(self, number: int, way: Way) -> list[int]:
        """The cards on which one part of the item has room."""
        item, shape, memory, budgets = self.problem.items[number], way.shape, self.memory, self.budgets
        own, full, model, users = shape.memory_mib, shape.memory_mib + shape.weights_mib, shape.model, self._users
        found = [
            card
            for card, draws in way.on_card.items()
            if memory[card] >= own
            and (memory[card] >= full or model in users[card])
            and all(budgets[budget] >= amount for budget, amount in draws)
        ]
        if self._exclusives:
            found = [card for card in found if self._is_company(item, card)]
        return self._with_companions(item, found) if item.request.affinity is not None else found

    def fits(self, number: int, place: Place) -> bool:
        """Whether the item has room there."""
        way = self.problem.items[number].ways[place[0]]
        if place[1] and not self._host_has_room(way, self.problem.hosts[place[1][0]]):
            return False
        return set(place[1]) <= set(self.cards_for(number, way))

    def options(self, number: int) -> list[Place]:
        """The places where the item has room: for a way over several cards of a host, the fullest of them."""
        found: list[Place] = []
        for index, way in enumerate(self.problem.items[number].ways):
            cards = [card for card in self.cards_for(number, way) if self._host_has_room(way, self.problem.hosts[card])]
            if way.shape.cards == 1:
                found.extend((index, (card,)) for card in cards)
            else:
                found.extend((index, group) for group in self._groups(cards, way.shape.cards))
            if found:
                break
        return found

    def add(self, number: int, place: Place) -> None:
        """Put the item there; that it has room was checked before."""
        way = self.problem.items[number].ways[place[0]]
        for card in place[1]:
            self.memory[card] -= self.memory_for(way.shape, card)
            if way.shape.model is not None:
                self._users[card][way.shape.model] = self._users[card].get(way.shape.model, 0) + 1
            self.on_card[card][number] = None
        self._draw(way, place, 1)
        self.places[number] = place

    def remove(self, number: int) -> Place:
        """Take the item out again."""
        place = self.places.pop(number)
        way = self.problem.items[number].ways[place[0]]
        for card in place[1]:
            del self.on_card[card][number]
            if way.shape.model is not None:
                self._users[card][way.shape.model] -= 1
                if not self._users[card][way.shape.model]:
                    del self._users[card][way.shape.model]
            self.memory[card] += self.memory_for(way.shape, card)
        self._draw(way, place, -1)
        return place

    def _draw(self, way: Way, place: Place, sign: int) -> None:
        for card in place[1]:
            for budget, amount in way.on_card[card]:
                self.budgets[budget] -= sign * amount
        if place[1]:
            for budget, amount in way.on_host[self.problem.hosts[place[1][0]]]:
                self.budgets[budget] -= sign * amount

    def _host_has_room(self, way: Way, host: int) -> bool:
        return all(self.budgets[budget] >= amount for budget, amount in way.on_host[host])

    def _groups(self, cards: Sequence[int], size: int) -> list[tuple[int, ...]]:
        by_host: dict[int, list[int]] = {}
        for card in cards:
            by_host.setdefault(self.problem.hosts[card], []).append(card)
        return [
            tuple(sorted(sorted(group, key=lambda card: self.memory[card])[:size]))
            for group in by_host.values()
            if len(group) >= size
        ]

    def _is_company(self, item: Item, card: int) -> bool:
        """Whether an exclusive model, this one's or another's, is left alone."""
        problem = self.problem
        others = [problem.items[number] for number in self.on_card[card]]
        tenants = problem.tenants[card].union(other.tenant for other in others)
        if item.request.kind.is_exclusive and tenants - {item.tenant}:
            return False
        wanting = problem.exclusive[card].union(other.tenant for other in others if other.request.kind.is_exclusive)
        return not wanting - {item.tenant}

    def _with_companions(self, item: Item, cards: Sequence[int]) -> list[int]:
        """Of these cards those where agents of the same affinity are; all, where there are none yet."""
        group = item.request.affinity or ""
        there = set(self.problem.companions[group])
        for number, place in self.places.items():
            if self.problem.items[number].request.affinity == group:
                there.update(place[1])
        return [card for card in cards if card in there] if there else list(cards)
