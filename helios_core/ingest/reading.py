"""Reading a file as a conversation, whatever its name: the format is recognised by what is in it.

A file that cannot be read is refused by ImportRefused, which names the file, the place of the fault (a line, a line
and column, or a path such as `history[12].role`) and what was expected there.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from helios_core.errors import ImportRefused
from helios_core.ingest import chatdev_json, chatdev_log, native, whowhen
from helios_core.services.records import ConversationRecord

LIMIT_BYTES = 32 * 1024 * 1024
"""The largest file, unpacked. Conversations that people read are a hundred times smaller."""
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
EXPECTED = (
    "expected is Helios's own JSON (with `format`), a Who&When JSON file (with `history`), "
    "or a ChatDev run (JSON with `turns`, or its log)"
)


def read(content: bytes, name: str) -> ConversationRecord:
    """The conversation in a file's `content`. `name` is only for the refusal."""
    try:
        return recognised(unpacked(content))
    except ValidationError as invalid:
        raise ImportRefused(f"{name}: {faults(invalid)}") from invalid
    except ImportRefused as refused:
        raise ImportRefused(f"{name}: {refused}") from refused


def unpacked(content: bytes) -> bytes:
    """`content` without compression and byte order mark, and not larger than what is read."""
    if content.startswith(GZIP_MAGIC):
        try:
            content = gzip.GzipFile(fileobj=BytesIO(content)).read(LIMIT_BYTES + 1)
        except (EOFError, OSError, zlib.error) as broken:
            raise ImportRefused(f"the gzip compression is damaged ({broken}); copy the file again") from broken
    if len(content) > LIMIT_BYTES:
        raise ImportRefused(f"it is larger than {LIMIT_BYTES // 1024**2} MiB, the most that is read as a conversation")
    return content.removeprefix(BYTE_ORDER_MARK)


def recognised(content: bytes) -> ConversationRecord:
    """The conversation in unpacked `content`, read by the format that it shows."""
    start = content.lstrip()
    if not start:
        raise ImportRefused(f"it is empty; {EXPECTED}")
    if chatdev_log.starts_like_a_log(start):
        return chatdev_log.parse(content)
    if start[:1] not in b"{[":
        raise ImportRefused(f"line 1: it begins with {start[:20]!r}, neither as JSON nor as a log; {EXPECTED}")
    tree = json_tree(content)
    if native.is_native(tree):
        return native.parse(content, tree)
    if isinstance(tree.get("history"), list):
        return whowhen.parse(content)
    if "turns" in tree:
        return chatdev_json.parse(content)
    raise ImportRefused(f"its keys are {', '.join(sorted(tree)[:10]) or 'none'}; {EXPECTED}")


def json_tree(content: bytes) -> dict[str, object]:
    """`content` as a JSON object of which every value can be stored."""
    try:
        tree = from_json(content, allow_inf_nan=False)
    except ValueError as broken:
        raise ImportRefused(f"no valid JSON: {broken}") from broken
    for place, fault in unstorable(tree):
        raise ImportRefused(f"{place}: {fault}")
    if not isinstance(tree, dict):
        raise ImportRefused(f"a JSON object is expected, and this is a list; {EXPECTED}")
    return cast("dict[str, object]", tree)


def unstorable(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Where `value` holds what no database column can: a zero character, an infinite number."""
    if isinstance(value, str) and "\0" in value:
        yield place, "the text holds a zero character (\\u0000), which cannot be stored; remove it"
    elif isinstance(value, float) and not math.isfinite(value):
        yield place, "the number is too large"
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from unstorable(key, f"{place}.{key!r}" if place else repr(key))
            yield from unstorable(part, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from unstorable(part, f"{place}[{index}]")


def faults(invalid: ValidationError) -> str:
    """The first fault with its place and what was found there, and how many more there are."""
    first, *others = invalid.errors(include_url=False)
    place = path(first)
    found = "" if first["type"] in {"missing", "value_error"} else f" (found: {shortened(first['input'])})"
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    more = f"; and {len(others)} more faults" if others else ""
    return f"{place}{message}{found}{more}"


def path(fault: ErrorDetails) -> str:
    """`("history", 12, "role")` as `history[12].role: `."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    return f"{place.removeprefix('.')}: " if place else ""


def shortened(value: object) -> str:
    """A value as it stands in the file, short enough for a sentence."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
