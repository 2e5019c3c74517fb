import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helios_core.errors import ImportRefused
from helios_core.ingest.reading import LIMIT_BYTES, read
from tests.ingest.own_files import CHATDEV_LOG, GROUP_CHAT, JSON_FILES, MAGENTIC_ONE, NATIVE, as_bytes
from tests.ingest.real_files import REAL_FILES, named, needs_real_files

WHOLE_FILES = [*(as_bytes(tree) for tree in JSON_FILES.values()), CHATDEV_LOG.encode()]
STRANGE_VALUES: list[object] = [
    None,
    True,
    -1,
    1e300,
    10**40,
    "",
    "\0",
    "x" * 300,
    [],
    {},
    [[[]]],
    {"": {}},
    "2025-01-01T00:00:00Z",
]


@pytest.mark.parametrize("content", WHOLE_FILES, ids=[*JSON_FILES, "chatdev log"])
@pytest.mark.parametrize("name", ["conversation.json", "noname", "log.txt.bak"])
def test_the_format_is_recognised_by_the_content_and_not_by_the_name(content: bytes, name: str) -> None:
    assert read(content, name).messages


@pytest.mark.parametrize("wrapped", [gzip.compress, b"\xef\xbb\xbf".__add__, b"\n \n".__add__])
def test_compression_and_marks_before_the_text_change_nothing(wrapped: Callable[[bytes], bytes]) -> None:
    for content in WHOLE_FILES:
        assert read(wrapped(content), "file") == read(content, "file")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", r"it is empty; expected is Helios's own JSON"),
        (b" \n\t ", r"it is empty"),
        (b"%PDF-1.7 ...", r"line 1: it begins with b'%PDF-1.7 ...', neither as JSON nor as a log"),
        (b'{"history": [\n  {"role": "human",}]}', r"no valid JSON: .*line 2 column 20"),
        (b'{"history": "\xff"}', r"no valid JSON: invalid unicode .*line 1 column 14"),
        (b'{"history": "\\ud800"}', r"no valid JSON: .*line 1"),
        (b"[1, 2]", r"a JSON object is expected, and this is a list"),
        (b"{}", r"its keys are none; expected is"),
        (b'{"turn": 1, "histories": []}', r"its keys are histories, turn; expected is"),
        (b'{"history": []}', r"history: at least one message is expected"),
        (b'{"a": ' * 500, r"no valid JSON: recursion limit exceeded"),
        (gzip.compress(b"{}", mtime=0)[:-9], r"the gzip compression is damaged"),
        (b"\x1f\x8b but not really", r"the gzip compression is damaged"),
        (b'{"format": "helios-conversation/2"}', r"format: this Helios reads helios-conversation/1, .* a newer Helios"),
        (as_bytes(MAGENTIC_ONE).replace(b"Still 7", b"Still \\u0000"), r"history\[7\]\.content: .* zero character"),
        (as_bytes(MAGENTIC_ONE).replace(b'"Still 7."', b"1e999"), r"history\[7\]\.content: the number is too large"),
    ],
)
def test_what_is_no_conversation_is_refused_in_one_sentence_with_the_place(content: bytes, fault: str) -> None:
    with pytest.raises(ImportRefused, match=rf"^odd\.json: {fault}"):
        read(content, "odd.json")


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (["history", 3, "role"], 7, r"history\[3\]\.role: .*valid string \(found: 7\)"),
        (["history", 4, "content"], None, r"history\[4\]\.content: .*valid string \(found: null\)"),
        (["history", 0], "hello", r"history\[0\]: .*found: \"hello\""),
        (["history", 0, "role"], "x" * 201, r"history\[0\]\.role: .*at most 200 characters"),
        (["question"], ["?"], r"question: .*valid string \(found: \[\"\?\"\]\)"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(place: list[str | int], value: object, fault: str) -> None:
    tree = json.loads(json.dumps(MAGENTIC_ONE))
    put(tree, place, value)
    with pytest.raises(ImportRefused, match=rf"^odd\.json: {fault}"):
        read(as_bytes(tree), "odd.json")


def test_several_faults_are_counted() -> None:
    tree = {**GROUP_CHAT, "history": [{"name": "A"}, {"name": "B"}, {"name": "C"}]}
    with pytest.raises(ImportRefused, match=r"history\[0\]\.content: Field required; and 2 more faults$"):
        read(as_bytes(tree), "odd.json")


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(packed: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ImportRefused, match="larger than 32 MiB"):
        read(packed(b" " * (LIMIT_BYTES + 1)), "huge.json")


def put(tree: object, place: list[str | int], value: object) -> None:
    """Set a value deep in a JSON tree."""
    *way, last = place
    for step in way:
        tree = tree[step]  # type: ignore[index]
    tree[last] = value  # type: ignore[index]


def places(tree: object, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to each value of a JSON tree."""
    parts: list[tuple[str | int, object]] = []
    if isinstance(tree, dict):
        parts = list(tree.items())
    elif isinstance(tree, list):
        parts = list(enumerate(tree))
    return [place for key, part in parts for place in [(*way, key), *places(part, (*way, key))]]


def is_read_or_refused(content: bytes) -> None:
    """Read a file that may be broken in any way; nothing but a refusal may come of it."""
    try:
        read(content, "mutated")
    except ImportRefused as refused:
        sentence = str(refused)
    else:
        return
    assert sentence.startswith("mutated: ")
    assert len(sentence) < 600


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(JSON_FILES)), st.data())
def test_a_file_with_a_strange_value_anywhere_is_read_or_refused(name: str, data: st.DataObject) -> None:
    tree = json.loads(json.dumps(JSON_FILES[name]))
    put(tree, list(data.draw(st.sampled_from(places(tree)))), data.draw(st.sampled_from(STRANGE_VALUES)))
    is_read_or_refused(as_bytes(tree))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(WHOLE_FILES), st.integers(0, 2**32))
def test_a_file_with_damaged_bytes_is_read_or_refused(content: bytes, seed: int) -> None:
    is_read_or_refused(damaged(content, random.Random(seed)))


@needs_real_files
@pytest.mark.parametrize("path", REAL_FILES, ids=named)
def test_a_real_file_with_damaged_bytes_is_read_or_refused(path: Path) -> None:
    content = path.read_bytes()
    plain = gzip.decompress(content) if path.suffix == ".gz" else content
    for seed in range(8):
        is_read_or_refused(damaged(plain, random.Random(seed)))
    is_read_or_refused(damaged(content, random.Random(0)))


def damaged(content: bytes, chance: random.Random) -> bytes:
    """`content` cut, overwritten, shortened or repeated at a few places."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        until = min(len(changed), at + chance.randint(0, 40))
        match chance.randrange(4):
            case 0:
                del changed[at:]
            case 1:
                changed[at:until] = chance.randbytes(until - at)
            case 2:
                del changed[at:until]
            case _:
                changed[at:at] = changed[at:until] * 2
    return bytes(changed)


def test_helios_own_file_is_read_as_it_is_written() -> None:
    record = read(as_bytes(NATIVE), "own.json")
    assert record.delegations[1].retry_of == 0
    assert record.responses[0].decode_seconds == 0.5
    assert record.phases[1].label == "done"
    assert record.title == "Tea or coffee?"
