"""Each decision is explained in words that an operator understands, as things stood when it was made."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from helios_core.allocation.explain import Explanation, explain, explain_now
from helios_core.allocation.fleet import Fleet, Gpu, Host
from helios_core.allocation.mix import Mix
from helios_core.allocation.place import Placer
from helios_core.allocation.refusals import Reason
from helios_core.allocation.requests import Request
from helios_core.allocation.rules import Rule, Strategy
from tests.allocation.fleets import GIB, agent, hosts_of_four, three_cards


def told(explanation: Explanation) -> list[tuple[int | None, Reason]]:
    return [(refusal.gpu_id, refusal.reason) for refusal in explanation.refusals]


def test_a_hot_card_is_refused_in_the_rules_name() -> None:
    gpus = [
        replace(gpu, temperature_celsius=celsius) for gpu, celsius in zip(three_cards().gpus, (60, 84, 83), strict=True)
    ]
    explanation = explain(Placer(Fleet.of(gpus), [Rule("cool first", max_temperature_celsius=83)]), agent("a"))
    assert explanation.lines[1:] == (
        "GPU 1: refused, 84 °C is above rule 'cool first'’s limit of 83.",
        "GPU 2: refused, 83 °C is at rule 'cool first'’s limit.",
    )


def test_reasons_that_are_read_at_once_are_the_same() -> None:
    placer = Placer(three_cards(), quotas_mib={7: 12 * GIB})
    placer.place(agent("first", 6 * GIB, owner=7))
    for request in (agent("small"), agent("too large", 30 * GIB), agent("over", 7 * GIB, owner=7)):
        assert explain_now(placer, request).lines == explain(placer, request).lines


def test_the_choice_and_the_runner_up_say_what_they_cost() -> None:
    placer = Placer(three_cards())
    placer.place(agent("first", GIB, model="m", weights_mib=4 * GIB))
    explanation = explain(placer, agent("second", GIB, model="m", weights_mib=4 * GIB))
    assert explanation.chosen is not None
    assert (explanation.chosen.gpu_ids, explanation.chosen.shares_weights) == ((0,), True)
    assert (explanation.chosen.memory_mib, explanation.chosen.free_after_mib) == (GIB, 5 * GIB)
    assert explanation.runner_up is not None
    assert (explanation.runner_up.gpu_ids, explanation.runner_up.memory_mib) == ((1,), 5 * GIB)
    assert explanation.chosen.loss_cards < explanation.runner_up.loss_cards
    assert explanation.lines[0].startswith("GPU 0: chosen, it costs least of what others are likely to need; takes 1.0")


def test_the_choice_that_is_explained_is_the_one_that_is_made() -> None:
    kinds = [agent("", GIB * (1 + number % 7), compute_milli=100 * (number % 4)).kind for number in range(28)]
    placer = Placer(hosts_of_four(8), mix=Mix.given(Counter(kinds)))
    for number in range(60):
        request = Request(f"a{number}", kinds[number % 28])
        explanation = explain(placer, request)
        promise = placer.place(request)
        assert explanation.choice == (promise and (promise.shape, promise.host, promise.cards))


def test_an_explanation_stays_true_after_the_fleet_has_changed() -> None:
    placer = Placer(three_cards())
    explanation = explain(placer, agent("a", 12 * GIB))
    for number in range(3):
        placer.place(agent(f"b{number}", 10 * GIB))
    assert explanation.lines == tuple(
        f"GPU {number}: refused, 11.0 of 11.0 GiB free; the agent needs 12.0." for number in range(3)
    )


@pytest.mark.parametrize("cards", [2, 30])
@pytest.mark.parametrize(
    ("asked", "reason", "sentence"),
    [
        ({"gpu_types": frozenset({"A10"})}, Reason.GPU_TYPE, "its type is T4; the agent needs A10."),
        ({"min_capability": (8, 0)}, Reason.CAPABILITY, "compute capability 7.5; the model needs 8.0."),
        ({"labels": frozenset({"nvlink"})}, Reason.LABELS, "it lacks the label nvlink."),
        ({"fixed_gpus": (77,)}, Reason.FIXED, "the agent is fixed to GPU 77."),
        ({"memory_mib": 9 * GIB}, Reason.MEMORY, "8.0 of 8.0 GiB free; the agent needs 9.0."),
        ({"compute_milli": 1500}, Reason.COMPUTE, "100 % of a card's compute free; the agent needs 150 %."),
        ({"host_cpu_milli": 9000}, Reason.HOST, "its host ws-1 has 8 cores free; the agent needs 9."),
        ({"cards": 40}, Reason.CARDS, "of the 40 cards that the agent needs have room on its host."),
    ],
)
def test_every_card_is_told_why_it_is_refused(cards: int, asked: dict[str, Any], reason: Reason, sentence: str) -> None:
    gpus = [Gpu(n, "ws-1", 8 * GIB, gpu_type="T4", capability=(7, 5)) for n in range(cards)]
    placer = Placer(Fleet.of(gpus, [Host("ws-1", cpu_milli=8000)]))
    explanation = explain(placer, agent("a", **asked))
    assert told(explanation) == [(n, reason) for n in range(cards)]
    assert all(line.endswith(sentence) for line in explanation.lines)


def test_who_is_in_the_way_is_named() -> None:
    placer = Placer(three_cards(), [Rule("one each", max_agents_per_gpu=1, models=frozenset({"m"}))])
    placer.place(agent("writer", fixed_gpus=(0,), anti_affinity="twins"))
    placer.place(agent("loner", fixed_gpus=(1,), model="big", is_exclusive=True))
    placer.place(agent("busy", fixed_gpus=(2,), model="m"))
    explanation = explain(placer, agent("a", model="m", anti_affinity="twins"))
    assert explanation.lines == (
        "GPU 0: refused, writer is here, and agents of 'twins' are kept apart.",
        "GPU 1: refused, loner is here, and big shares with no other model.",
        "GPU 2: refused, 1 agent is here already; rule 'one each' allows no more.",
    )


def test_the_first_rule_that_refuses_is_the_one_that_is_told() -> None:
    gpu = replace(three_cards().gpus[0], health="lost", temperature_celsius=99)
    placer = Placer(Fleet.of([gpu]), [Rule("cool", max_temperature_celsius=80)])
    assert told(explain(placer, agent("a", 99 * GIB))) == [(0, Reason.HEALTH)]


def test_a_quota_refuses_every_card_in_one_sentence() -> None:
    placer = Placer(three_cards(), quotas_mib={7: 3 * GIB})
    placer.place(agent("a", 2 * GIB, owner=7))
    assert explain(placer, agent("b", 2 * GIB, owner=7)).lines == (
        "Refused, its owner's quota leaves 1.0 GiB; the agent needs 2.0.",
    )


def test_a_strategy_and_a_preference_say_so() -> None:
    placer = Placer(three_cards(), [Rule("even", Strategy.SPREAD)])
    assert "chosen, least of it is promised" in explain(placer, agent("a")).lines[0]
    assert "GPU 1: chosen, it is the preferred card" in explain(placer, agent("a", preferred_gpu=1)).lines[0]
