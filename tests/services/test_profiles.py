"""How users want to be addressed."""

import pytest

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import InvalidInput, NotAllowed
from helios_core.services.profiles import save_profile
from helios_core.services.workspace import Workspace
from helios_core.views.profiles import Profile, own_profile, profiles_of


def test_a_profile_is_ones_own_and_seen_by_operators(
    workspace: Workspace, member: Principal, other_member: Principal
) -> None:
    mine, theirs = workspace.on_behalf_of(member), workspace.on_behalf_of(other_member)
    assert mine.read(own_profile) == Profile()
    for name in ("Mira", "  Dr. Mira Müller "):
        mine.act(lambda session, name=name: save_profile(session, name, "Europe/Berlin"))  # type: ignore[misc]
    said = Profile("Dr. Mira Müller", "Europe/Berlin")
    assert mine.read(own_profile) == said
    everybody = [user.user_id or 0 for user in (member, other_member)]
    assert workspace.read(lambda session: profiles_of(session, everybody)) == {member.user_id: said}
    assert theirs.read(lambda session: profiles_of(session, everybody)) == {}
    mine.act(lambda session: save_profile(session, " ", None))
    assert mine.read(own_profile) == Profile()


def test_a_name_of_two_lines_and_a_zone_that_is_none_are_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="one line"):
        workspace.act(lambda session: save_profile(session, "a\nb", None))
    with pytest.raises(InvalidInput, match="Europe/Berlin"):
        workspace.act(lambda session: save_profile(session, None, "Berlin"))


def test_helios_itself_has_none(database: Database) -> None:
    system = Workspace(database, SYSTEM)
    assert system.read(own_profile) == Profile()
    with pytest.raises(NotAllowed, match="belongs to a user"):
        system.act(lambda session: save_profile(session, "Helios", None))
