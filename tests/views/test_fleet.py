"""All cards with their last while."""

from datetime import timedelta

import numpy as np

from helios_core.services.workspace import Workspace
from helios_core.views.fleet import fleet
from helios_core.views.overview import under_way_now
from tests.browser import scene

HOUR = timedelta(hours=1)


def test_every_card_comes_with_its_series_and_its_energy(workspace: Workspace) -> None:
    workspace.act(scene.draw)
    found = workspace.read(lambda session: fleet(session, HOUR, 360))
    assert [card.id for card in found.cards] == [0, 1, 2]
    for card in found.cards:
        assert 150 <= len(found.series[card.id]) <= 360
        assert np.nanmax(found.series[card.id].utilization_percent) > 30
        assert 0 < found.energy[card.id].watt_hours < 300
    assert found.end - found.start == HOUR


def test_without_a_card_the_fleet_is_empty(workspace: Workspace) -> None:
    found = workspace.read(lambda session: fleet(session, HOUR, 60))
    assert (found.cards, dict(found.series), dict(found.energy)) == ((), {}, {})


def test_stuck_delegations_come_first_then_the_longest_under_way(workspace: Workspace) -> None:
    workspace.act(scene.draw)
    agents = [row.target_agent_id for row in workspace.read(under_way_now)]
    assert agents == ["data_analyst", "technical_expert", "business_analyst", "research_specialist", "socratic_expert"]
