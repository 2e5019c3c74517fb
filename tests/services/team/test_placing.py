"""Which models the default team gets on which cards."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helios_core.services.promises import Need, portions
from helios_core.services.team.placing import LADDERS, WITHOUT_CARDS, Card, Place, place_groups

TEAM = {"lead": 1, "experts": 6, "voices": 5}


def models(free_mib: list[int]) -> dict[str, tuple[int, str]]:
    places = place_groups([Card(gpu_id, free) for gpu_id, free in enumerate(free_mib)], TEAM)
    return {group: (place.gpu_id, place.rung.model_name) for group, place in places.items()}


def test_three_cards_of_12_gib_hold_three_families_of_models() -> None:
    assert models([12288] * 3) == {
        "lead": (0, "qwen2.5:14b"),
        "experts": (1, "llama3.1:8b"),
        "voices": (2, "mistral:7b"),
    }


@pytest.mark.parametrize(
    ("free_mib", "lead"),
    [([8192], "llama3.2:3b"), ([24220], "qwen2.5:7b"), ([24220, 24220], "qwen2.5:32b"), ([81559], "qwen2.5:72b")],
)
def test_larger_cards_hold_larger_models(free_mib: list[int], lead: str) -> None:
    found = models(free_mib)
    assert found["lead"] == (0, lead)
    assert set(found) == set(TEAM)


def test_who_has_no_room_has_no_place() -> None:
    assert models([]) == {}
    assert models([1024]) == {}
    assert set(models([6144])) == {"lead", "experts"}


@given(st.lists(st.integers(0, 150_000), max_size=6), st.fixed_dictionaries({g: st.integers(0, 9) for g in LADDERS}))
@settings(max_examples=60, deadline=None)
def test_no_card_is_ever_promised_more_than_it_has(free_mib: list[int], sizes: dict[str, int]) -> None:
    places = place_groups([Card(gpu_id, free) for gpu_id, free in enumerate(free_mib)], sizes)
    for gpu_id, free in enumerate(free_mib):
        here = {group: place for group, place in places.items() if place.gpu_id == gpu_id}
        assert sum(portions(needs_of(here, sizes))) <= free


def needs_of(places: dict[str, Place], sizes: dict[str, int]) -> list[Need]:
    return [
        Need(None, group, place.rung.model_name, place.rung.context_tokens, place.rung.estimate.reservation_mib)
        for group, place in places.items()
        for _ in range(sizes[group])
    ]


def test_without_cards_the_team_is_configured_for_models_of_the_ladders() -> None:
    assert all(WITHOUT_CARDS[group] in ladder for group, ladder in LADDERS.items())
