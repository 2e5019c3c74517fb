"""No card is ever promised twice: the placer against a model of forty lines, whatever happens to the fleet."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from helios_core.allocation.fleet import Fleet, Gpu, Host
from helios_core.allocation.place import Placer
from helios_core.allocation.requests import Kind, Request
from helios_core.allocation.rules import Rule, Strategy

MODELS = {"small": 300, "large": 900}
kinds = st.builds(
    lambda memory, compute, model, parts, cpu: Kind(
        memory_mib=memory,
        compute_milli=compute,
        model=model,
        weights_mib=MODELS.get(model or "", 0),
        split_over=parts,
        host_cpu_milli=cpu,
    ),
    st.integers(0, 1500),
    st.integers(0, 1000),
    st.sampled_from([None, *MODELS]),
    st.sampled_from([(1,), (1,), (1, 2), (2,)]),
    st.sampled_from([0, 0, 1000]),
)


@dataclass
class Model:
    """What must hold, worked out from nothing but who is where."""

    gpus: dict[int, Gpu]
    cpu_milli: dict[str, int | None]
    placed: dict[str, tuple[Kind, tuple[int, ...]]] = field(default_factory=dict)

    def memory(self, gpu_id: int) -> int:
        here = [(kind, len(cards)) for kind, cards in self.placed.values() if gpu_id in cards]
        own = sum(-(-kind.memory_mib // parts) for kind, parts in here)
        weights = {(kind.model, parts): -(-kind.weights_mib // parts) for kind, parts in here if kind.model}
        return own + sum(weights.values())

    def compute(self, gpu_id: int) -> int:
        here = [(kind, len(cards)) for kind, cards in self.placed.values() if gpu_id in cards]
        return sum(-(-kind.compute_milli // parts) for kind, parts in here)

    def cpu(self, host: str) -> int:
        return sum(kind.host_cpu_milli for kind, cards in self.placed.values() if self.gpus[cards[0]].host == host)

    def check(self) -> None:
        for gpu_id, gpu in self.gpus.items():
            assert self.memory(gpu_id) <= gpu.capacity_mib
            assert self.compute(gpu_id) <= gpu.compute_milli
        for host, has in self.cpu_milli.items():
            assert has is None or self.cpu(host) <= has


class Fleets(RuleBasedStateMachine):
    """Agents come and go, cards are lost and found, rules change."""

    @initialize(cards=st.sampled_from([3, 8, 20]), cpu_milli=st.sampled_from([None, 4000]))
    def build(self, cards: int, cpu_milli: int | None) -> None:
        gpus = [
            Gpu(n, f"h{n // 4}", total_memory_mib=2000 + 500 * (n % 3), reserved_memory_mib=100) for n in range(cards)
        ]
        hosts = [Host(f"h{n}", cpu_milli) for n in range(-(-cards // 4))]
        self.placer = Placer(Fleet.of(gpus, hosts))
        self.model = Model({gpu.gpu_id: gpu for gpu in gpus}, {host.name: host.cpu_milli for host in hosts})
        self.rule = Rule("none")
        self.names = 0

    @rule(kind=kinds)
    def place(self, kind: Kind) -> None:
        self.names += 1
        request = Request(f"a{self.names}", kind)
        promise = self.placer.place(request)
        if promise is None:
            return
        assert len(promise.cards) in kind.split_over
        assert len(set(promise.cards)) == len(promise.cards)
        for card in promise.cards:
            assert self.model.gpus[card].health == "ok"
            here = sum(card in cards for _, cards in self.model.placed.values())
            assert self.rule.max_agents_per_gpu is None or here < self.rule.max_agents_per_gpu
        assert len({self.model.gpus[card].host for card in promise.cards}) == 1
        self.model.placed[request.agent] = (kind, promise.cards)

    @precondition(lambda self: self.model.placed)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(sorted(self.model.placed)))
        self.placer.release(agent)
        del self.model.placed[agent]

    @rule(data=st.data(), health=st.sampled_from(["lost", "ok", "ok"]))
    def lose_or_find_a_card(self, data: st.DataObject, health: str) -> None:
        gpu = replace(self.model.gpus[data.draw(st.sampled_from(sorted(self.model.gpus)))], health=health)
        self.model.gpus[gpu.gpu_id] = gpu
        self.placer.update(gpu)

    @rule(most=st.sampled_from([None, 1, 2, 4]), strategy=st.sampled_from(Strategy))
    def change_a_rule(self, most: int | None, strategy: Strategy) -> None:
        self.rule = Rule("house", strategy, max_agents_per_gpu=most)
        self.placer.change_rules([self.rule])

    @rule()
    def crash_and_read_all_again(self) -> None:
        self.placer = self.placer.copy()

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        self.model.check()

    @invariant()
    def the_ledger_knows_what_is_free(self) -> None:
        for card in self.placer.ledger.cards:
            assert card.free_memory_mib == card.gpu.capacity_mib - self.model.memory(card.gpu.gpu_id)
            assert card.free_compute_milli == card.gpu.compute_milli - self.model.compute(card.gpu.gpu_id)
        assert dict(self.placer.ledger.entries()) == {agent: cards for agent, (_, cards) in self.model.placed.items()}


TestFleets = Fleets.TestCase
TestFleets.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_model_sees_a_card_that_is_promised_twice() -> None:
    model = Model({0: Gpu(0, total_memory_mib=1000)}, {"": None})
    model.placed = {name: (Kind(memory_mib=600), (0,)) for name in ("a", "b")}
    with pytest.raises(AssertionError):
        model.check()
