"""The ledger: what is promised of every card and host. It refuses to promise anything twice."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from helios_core.allocation.fleet import UNLIMITED, Fleet, Gpu, Host
from helios_core.allocation.requests import LoadedModel, Request, Shape
from helios_core.allocation.versioned import Kept, Versioned


class Promise(NamedTuple):
    """What an agent holds: cards of one host, by their position in the fleet, each giving what the shape says."""

    request: Request
    shape: Shape
    host: int
    cards: tuple[int, ...]


CardState = tuple[int, int, int, frozenset[LoadedModel]]
"""A card's host, free compute and memory, and loaded models: what decides what a placement costs there."""
HostState = tuple[int, int]
"""A host's free CPU and memory."""


class Card:
    """One card's account: what is free of it, and who is on it."""

    __slots__ = (
        "_paid_mib",
        "_states",
        "agents",
        "capacity_mib",
        "exclusive",
        "free_compute_milli",
        "free_memory_mib",
        "gpu",
        "host",
        "loaded",
        "loaded_models",
        "position",
        "promised_mib",
        "state",
        "takes_new",
    )

    def __init__(self, position: int, gpu: Gpu, host: "HostAccount", states: Versioned[CardState]) -> None:
        self.position = position
        self.gpu = gpu
        self.host = host
        self.promised_mib = 0
        self.free_compute_milli = gpu.compute_milli
        self.loaded: dict[LoadedModel, int] = {}
        self.loaded_models: frozenset[LoadedModel] = frozenset()
        self._paid_mib: dict[LoadedModel, int] = {}
        self.agents: dict[str, Promise] = {}
        self.exclusive = 0
        self.capacity_mib, self.takes_new = gpu.capacity_mib, gpu.takes_new
        self.free_memory_mib = 0
        self.state: CardState = (0, 0, 0, self.loaded_models)
        self._states = states
        self.settle()

    def settle(self) -> None:
        """Work out what memory is free, neither promised nor in use by somebody unknown to us, and note the state."""
        self.free_memory_mib = self.capacity_mib - max(self.promised_mib, self.gpu.measured_memory_mib or 0)
        self.state = (self.host.position, self.free_compute_milli, self.free_memory_mib, self.loaded_models)
        self._states[self.position] = self.state

    def memory_for(self, shape: Shape) -> int:
        """What the shape would take here, in MiB: its model's weights only where they are not loaded yet."""
        return shape.memory_mib if shape.model in self.loaded else shape.memory_mib + shape.weights_mib

    def become(self, state: CardState) -> None:
        """Be as the card was in this state, but for who was on it."""
        _, self.free_compute_milli, self.free_memory_mib, self.loaded_models = state
        self.loaded = dict.fromkeys(self.loaded_models, 1)

    def has_room_for(self, shape: Shape) -> bool:
        """Whether memory and compute suffice."""
        needed = shape.memory_mib if shape.model in self.loaded else shape.memory_mib + shape.weights_mib
        return self.free_memory_mib >= needed and self.free_compute_milli >= shape.compute_milli

    def take(self, promise: Promise) -> None:
        """Enter a promise; that there is room was checked before."""
        shape = promise.shape
        self.promised_mib += self.memory_for(shape)
        self.free_compute_milli -= shape.compute_milli
        if shape.model in self.loaded:
            self.loaded[shape.model] += 1
        elif shape.model is not None:
            self.loaded[shape.model] = 1
            self.loaded_models |= {shape.model}
            self._paid_mib[shape.model] = shape.weights_mib
        self.agents[promise.request.agent] = promise
        self.exclusive += promise.request.kind.is_exclusive
        self.settle()

    def give_back(self, promise: Promise) -> None:
        """Strike a promise; the last agent of a model gives back what the first paid for its weights, too."""
        shape = promise.shape
        self.promised_mib -= shape.memory_mib
        if shape.model is None:
            self.promised_mib -= shape.weights_mib
        elif self.loaded[shape.model] > 1:
            self.loaded[shape.model] -= 1
        else:
            del self.loaded[shape.model]
            self.loaded_models -= {shape.model}
            self.promised_mib -= self._paid_mib.pop(shape.model)
        del self.agents[promise.request.agent]
        self.exclusive -= promise.request.kind.is_exclusive
        self.free_compute_milli += shape.compute_milli
        self.settle()


class HostAccount:
    """One host's account: its cards, and what is free of its CPU and memory."""

    __slots__ = ("cards", "free_cpu_milli", "free_memory_mib", "host", "position")

    def __init__(self, position: int, host: Host) -> None:
        self.position = position
        self.host = host
        self.cards: list[Card] = []
        self.free_cpu_milli = UNLIMITED if host.cpu_milli is None else host.cpu_milli
        self.free_memory_mib = UNLIMITED if host.memory_mib is None else host.memory_mib

    @property
    def state(self) -> HostState:
        """What is free."""
        return self.free_cpu_milli, self.free_memory_mib

    @property
    def is_limited(self) -> bool:
        """Whether the host states any limit of its own."""
        return self.host.cpu_milli is not None or self.host.memory_mib is not None

    def has_room_for(self, shape: Shape) -> bool:
        """Whether CPU and memory suffice."""
        return self.free_cpu_milli >= shape.host_cpu_milli and self.free_memory_mib >= shape.host_memory_mib


class Snapshot(NamedTuple):
    """What was free of a fleet; `hosts` are those of the ledger, of which only the names and the order are used."""

    gpus: Kept[Gpu]
    hosts: list[HostAccount]
    states: Kept[CardState]
    host_states: Kept[HostState]

    def cards(self) -> list[Card]:
        """The cards as they were, but for who was on them."""
        hosts = [HostAccount(account.position, account.host) for account in self.hosts]
        for account, left in zip(hosts, self.host_states, strict=True):
            account.free_cpu_milli, account.free_memory_mib = left
        cards = []
        states = Versioned(list(self.states))
        for position, (gpu, state) in enumerate(zip(self.gpus, self.states, strict=True)):
            card = Card(position, gpu, hosts[state[0]], states)
            card.become(state)
            card.host.cards.append(card)
            cards.append(card)
        return cards


class Ledger:
    """The accounts of a fleet, and every promise by its agent."""

    def __init__(self, fleet: Fleet) -> None:
        self.hosts = [HostAccount(position, host) for position, host in enumerate(fleet.hosts)]
        by_name = {account.host.name: account for account in self.hosts}
        self.cards: list[Card] = []
        self.gpus = Versioned(fleet.gpus)
        self.states: Versioned[CardState] = Versioned([(0, 0, 0, frozenset())] * len(fleet.gpus))
        self.host_states = Versioned([account.state for account in self.hosts])
        for position, gpu in enumerate(fleet.gpus):
            card = Card(position, gpu, by_name[gpu.host], self.states)
            card.host.cards.append(card)
            self.cards.append(card)
        self.position_of = {gpu.gpu_id: position for position, gpu in enumerate(fleet.gpus)}
        self.promises: dict[str, Promise] = {}
        self.affinities: dict[str, dict[str, tuple[int, ...]]] = {}
        self.anti_affinities: dict[str, dict[str, tuple[int, ...]]] = {}
        self.promised_to_owner_mib: dict[int | None, int] = {}
        self.exclusives = 0
        """How many agents want their card without other models."""
        self.limits_agents = any(gpu.max_agents is not None for gpu in fleet.gpus)

    def promise(self, request: Request, shape: Shape, host: int, cards: Sequence[int]) -> Promise:
        """Promise these cards of the host; ValueError where they are not free, and then nothing is changed."""
        account = self.hosts[host]
        chosen = [self.cards[position] for position in cards]
        self._check(request, shape, account, chosen)
        promise = Promise(request, shape, host, tuple(cards))
        self.restore(promise)
        return promise

    def snapshot(self) -> "Snapshot":
        """What is free now, to be looked at later."""
        return Snapshot(self.gpus.keep(), self.hosts, self.states.keep(), self.host_states.keep())

    def copy(self) -> "Ledger":
        """The same accounts, to try things on."""
        fleet = Fleet(tuple(card.gpu for card in self.cards), tuple(account.host for account in self.hosts))
        ledger = Ledger(fleet)
        for promise in self.promises.values():
            ledger.restore(promise)
        return ledger

    def release(self, agent: str) -> Promise:
        """End what the agent holds; KeyError where it holds nothing."""
        promise = self.promises.pop(agent)
        account = self.hosts[promise.host]
        account.free_cpu_milli += promise.shape.host_cpu_milli
        account.free_memory_mib += promise.shape.host_memory_mib
        self.host_states[promise.host] = account.state
        for position in promise.cards:
            self.cards[position].give_back(promise)
        self._count(promise, -1)
        return promise

    def update(self, gpu: Gpu) -> Card:
        """Enter a card's new readings; the card's compute may change too."""
        card = self.cards[self.position_of[gpu.gpu_id]]
        card.free_compute_milli += gpu.compute_milli - card.gpu.compute_milli
        self.limits_agents = self.limits_agents or gpu.max_agents is not None
        card.gpu, card.capacity_mib, card.takes_new = gpu, gpu.capacity_mib, gpu.takes_new
        self.gpus[card.position] = gpu
        card.settle()
        return card

    def companions(self, affinity: str) -> set[int]:
        """The cards that hold agents of this affinity."""
        return {position for cards in self.affinities.get(affinity, {}).values() for position in cards}

    def rivals(self, anti_affinity: str) -> set[int]:
        """The cards that hold agents of this anti-affinity."""
        return {position for cards in self.anti_affinities.get(anti_affinity, {}).values() for position in cards}

    def entries(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Each agent with the ids of its cards, in the order of the promises."""
        for agent, promise in self.promises.items():
            yield agent, self.gpu_ids(promise)

    def tied_to(self, positions: Iterable[int]) -> tuple[list[Card], set[str]]:
        """These cards, with all on which agents are that are on one of them, too; and these agents."""
        cards = set(positions)
        while True:
            agents = {agent for position in cards for agent in self.cards[position].agents}
            all_cards = cards.union(*(self.promises[agent].cards for agent in agents))
            if all_cards == cards:
                return [self.cards[position] for position in sorted(cards)], agents
            cards = all_cards

    def gpu_ids(self, promise: Promise) -> tuple[int, ...]:
        """The ids of the cards that an agent holds."""
        return tuple(self.cards[position].gpu.gpu_id for position in promise.cards)

    def _check(self, request: Request, shape: Shape, account: HostAccount, cards: Sequence[Card]) -> None:
        if request.agent in self.promises:
            raise ValueError(f"{request.agent} already holds a place; release it first.")
        if len(set(cards)) != shape.cards:
            raise ValueError(f"{request.agent} needs {shape.cards} different cards.")
        for card in cards:
            if card.host is not account:
                raise ValueError(f"{request.agent} needs its cards on one host.")
            if not card.has_room_for(shape):
                raise ValueError(f"{request.agent} does not fit on GPU {card.gpu.gpu_id}; place it anew.")
        if not account.has_room_for(shape):
            raise ValueError(f"{request.agent} does not fit on host {account.host.name}; place it anew.")

    def restore(self, promise: Promise) -> None:
        """Enter again what was promised before, though it might not be promised anew."""
        account, shape = self.hosts[promise.host], promise.shape
        account.free_cpu_milli -= shape.host_cpu_milli
        account.free_memory_mib -= shape.host_memory_mib
        self.host_states[promise.host] = account.state
        for position in promise.cards:
            self.cards[position].take(promise)
        self.promises[promise.request.agent] = promise
        self._count(promise, 1)

    def _count(self, promise: Promise, sign: int) -> None:
        request = promise.request
        self.exclusives += sign * request.kind.is_exclusive
        owner_mib = self.promised_to_owner_mib.get(request.owner, 0)
        self.promised_to_owner_mib[request.owner] = owner_mib + sign * owned_mib(promise.shape)
        if request.affinity is not None:
            _enlist(self.affinities.setdefault(request.affinity, {}), promise, sign)
        if request.anti_affinity is not None:
            _enlist(self.anti_affinities.setdefault(request.anti_affinity, {}), promise, sign)


def _enlist(members: dict[str, tuple[int, ...]], promise: Promise, sign: int) -> None:
    if sign > 0:
        members[promise.request.agent] = promise.cards
    else:
        del members[promise.request.agent]


def owned_mib(shape: Shape) -> int:
    """What a shape counts against its owner's quota, in MiB: as if it shared its weights with nobody."""
    return shape.cards * (shape.memory_mib + shape.weights_mib)
