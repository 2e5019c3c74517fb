"""How somebody wants to be addressed: said by themselves, read by operators."""

from tests.api.conftest import Api


def test_a_profile_is_edited_by_its_user_and_shown_with_the_account(api: Api) -> None:
    mira, path = api.mira.client, "/me/profile"
    seen = mira.send("GET", path)
    assert seen.json == {"display_name": None, "timezone": None}
    saved = mira.edit("PATCH", path, {"display_name": "Dr. Mira Müller", "timezone": "Europe/Berlin"}, seen.etag)
    assert saved.json == {"display_name": "Dr. Mira Müller", "timezone": "Europe/Berlin"}
    assert mira.edit("PATCH", path, {"timezone": None}, seen.etag).status == 412
    assert mira.edit("PATCH", path, {"timezone": None}, saved.etag).json["display_name"] == "Dr. Mira Müller"
    account = api.olga.client.get(f"/users/{api.mira.principal.user_id}")
    assert account["display_name"] == "Dr. Mira Müller"
    assert api.otto.client.get(path)["display_name"] is None


def test_a_zone_that_is_none_is_refused_by_its_field(api: Api) -> None:
    path = "/me/profile"
    etag = api.otto.client.send("GET", path).etag
    refused = api.otto.client.edit("PATCH", path, {"timezone": "Berlin"}, etag)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "timezone")
