"""Leases and quotas: memory for as long as somebody lives, and no more than a user may have."""

import time

import pytest
from sqlalchemy import select

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import InvalidInput, NotAllowed, NotFound, Refused
from helios_core.models import GPUAllocation
from helios_core.services import placement
from helios_core.services.leases import HOLDER_DIED, end_lease, reap_leases, renew_lease, take_lease
from helios_core.services.quotas import remove_quota, set_quota
from helios_core.services.workspace import Workspace
from helios_core.views.decisions import list_decisions
from helios_core.views.placement import placement_map
from tests.services.fleets import agent, cards


def test_a_lease_lives_as_long_as_its_holder_says_so(workspace: Workspace, database: Database) -> None:
    workspace.act(lambda s: cards(s, 8_192))
    system = Workspace(database, SYSTEM)
    lease = workspace.act(lambda s: take_lease(s, "experiment", 6_000, "desk:7", 1))
    [held] = workspace.read(placement_map).cards[0].agents
    assert (held.name, held.holder) == (f"experiment of olga, lease {lease.allocation_id}", "desk:7")
    assert workspace.act(lambda s: renew_lease(s, lease.allocation_id, "desk:7")).expires_at > lease.expires_at
    assert system.act(reap_leases) == 0
    time.sleep(1.05)
    assert system.act(reap_leases) == 1
    assert workspace.read(placement_map).cards[0].promised_mib == 0
    reasons = workspace.read(lambda s: s.scalars(select(GPUAllocation.release_reason)).all())
    assert reasons == [HOLDER_DIED]
    with pytest.raises(NotFound, match="Take a new one"):
        workspace.act(lambda s: renew_lease(s, lease.allocation_id, "desk:7"))
    assert [d.outcome for d in workspace.read(list_decisions).rows] == ["released", "placed"]


def test_a_lease_takes_only_what_is_free_and_only_its_holder_ends_it(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 8_192), agent(s, "writer", 4_000), placement.place(s, "writer")))
    with pytest.raises(Refused, match=r"No card has 6,000 MiB for experiment\. GPU 0: 4\.1 of 8\.0 GiB free"):
        workspace.act(lambda s: take_lease(s, "experiment", 6_000, "desk:7", 60))
    lease = workspace.act(lambda s: take_lease(s, "experiment", 4_000, "desk:7", 60))
    with pytest.raises(Refused, match="another holder"):
        workspace.act(lambda s: end_lease(s, lease.allocation_id, "desk:8"))
    workspace.act(lambda s: end_lease(s, lease.allocation_id, "desk:7"))
    assert workspace.read(placement_map).cards[0].promised_mib == 4_000
    with pytest.raises(InvalidInput, match="1 to 86,400"):
        workspace.act(lambda s: take_lease(s, "experiment", 1, "desk:7", 0))


def test_nobody_else_renews_or_sees_a_members_lease(
    database: Database, operator: Principal, member: Principal, other_member: Principal
) -> None:
    everybody, me, other = (Workspace(database, who) for who in (operator, member, other_member))
    everybody.act(lambda s: cards(s, 8_192))
    lease = me.act(lambda s: take_lease(s, "experiment", 4_000, "desk:7", 60))
    with pytest.raises(NotFound):
        other.act(lambda s: end_lease(s, lease.allocation_id, "desk:7"))
    assert other.read(placement_map).cards[0].agents == ()
    assert Workspace(database, SYSTEM).act(reap_leases) == 0
    me.act(lambda s: end_lease(s, lease.allocation_id, "desk:7"))


def test_a_users_agents_stay_within_the_quota(database: Database, operator: Principal, member: Principal) -> None:
    everybody, me = Workspace(database, operator), Workspace(database, member)
    everybody.act(lambda s: (cards(s, 24_576), agent(s, "writer", 4_000), agent(s, "critic", 4_000)))
    everybody.act(lambda s: set_quota(s, None, 6_000))
    assert me.act(lambda s: placement.place(s, "writer")).outcome == "placed"
    refused = me.act(lambda s: placement.place(s, "critic"))
    assert refused.outcome == "refused"
    assert refused.explanation.sentences == ("All cards: its owner's quota leaves 2.0 GiB; the agent needs 3.9.",)
    assert (me.read(placement_map).quota_mib, me.read(placement_map).used_mib) == (6_000, 4_000)
    everybody.act(lambda s: set_quota(s, member.user_id, 8_000, "asked for it"))
    assert me.act(lambda s: placement.place(s, "critic")).outcome == "placed"
    assert everybody.act(lambda s: placement.place(s, "writer")).outcome == "placed", "defaults count for nobody"
    with pytest.raises(Refused, match="quota leaves"):
        me.act(lambda s: take_lease(s, "experiment", 4_000, "desk:7", 60))
    with pytest.raises(NotAllowed):
        me.act(lambda s: set_quota(s, member.user_id, 2**30))
    everybody.act(lambda s: remove_quota(s, member.user_id))
    assert me.read(placement_map).quota_mib == 6_000
