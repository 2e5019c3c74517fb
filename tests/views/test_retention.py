"""How long data is kept, as everybody may read it."""

from helios_core.database.session import Principal
from helios_core.services.retention import keep
from helios_core.services.workspace import Workspace
from helios_core.views.retention import list_kept


def test_every_class_is_listed_with_the_days_that_hold_for_it(workspace: Workspace, member: Principal) -> None:
    kept = {row.data_class: row for row in workspace.read(list_kept)}
    assert {row.keep_days for row in kept.values()} == {None}
    assert "agent_responses" in kept["conversations"].parts
    workspace.act(lambda s: keep(s, "gpu_events", 30))
    seen = {row.data_class: row.keep_days for row in workspace.on_behalf_of(member).read(list_kept)}
    assert seen == {"conversations": None, "blackboard_events": None, "gpu_events": 30}
