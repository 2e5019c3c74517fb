import json

import pytest

from helios_core.errors import ImportRefused
from helios_core.ingest.reading import read
from helios_core.services.records import dump
from tests.ingest.own_files import JSON_FILES, NATIVE, as_bytes


@pytest.mark.parametrize("name", sorted(JSON_FILES))
def test_any_record_written_as_a_file_reads_back_as_itself(name: str) -> None:
    record = read(as_bytes(JSON_FILES[name]), name)
    assert read(dump(record).encode(), "again.json") == record


def test_a_file_leaves_out_what_is_unknown() -> None:
    written = json.loads(dump(read(as_bytes(NATIVE), "own.json")))
    assert written["format"] == "helios-conversation/1"
    assert "satisfaction_rating" not in written
    assert "input_tokens" not in written["messages"][0]


@pytest.mark.parametrize(
    ("part", "change", "fault"),
    [
        ("messages", {"delegation": 2}, r"messages\[0\]\.delegation: 2 is too large, there are 2"),
        ("messages", {"speaker": "nobody"}, r"messages\[0\]\.speaker: nobody is none of the participants"),
        ("messages", {"kind": "song"}, r"messages\[0\]\.kind: .*\"song\""),
        ("messages", {"occurred_at": "2026-01-05T09:00:00"}, r"messages\[0\]\.occurred_at: .*timezone"),
        ("messages", {"occurred_at": "0001-01-01T00:00:00Z"}, r"messages\[0\]\.occurred_at: a time between the years"),
        ("messages", {"occurred_at": "1970-01-01T00:00:00+14:00"}, r"messages\[0\]\.occurred_at: a time between"),
        ("messages", {"input_tokens": -1}, r"messages\[0\]\.input_tokens: .*greater than or equal to 0"),
        ("messages", {"mood": "good"}, r"messages\[0\]\.mood: Extra inputs are not permitted"),
        ("delegations", {"status": "in_progress"}, r"delegations\[0\]\.status: .* no delegation under way"),
        ("delegations", {"retry_of": 0}, r"delegations\[0\]\.retry_of: 0 is too large"),
        (
            "delegations",
            {"started_at": "2026-01-05T09:00:00Z", "completed_at": "2026-01-05T08:00:00Z"},
            r"delegations\[0\]\.completed_at: the end must not lie before the start",
        ),
        ("responses", {"quality_score": 4.5}, r"responses\[0\]\.quality_score: .*less than or equal to 1"),
        ("syntheses", {"position": 9}, r"syntheses\[0\]\.position: 9 is too large"),
        ("phases", {"phase": "lunch"}, r"phases\[0\]\.phase: .*'initialization'"),
        ("participants", {"agent_id": "research_specialist"}, r"participants: research_specialist is there twice"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused_with_the_place(
    part: str, change: dict[str, object], fault: str
) -> None:
    tree = {**NATIVE, part: [NATIVE[part][0] | change, *NATIVE[part][1:]]}
    with pytest.raises(ImportRefused, match=rf"^own\.json: {fault}"):
        read(as_bytes(tree), "own.json")
