"""Helios's own file format: a ConversationRecord as JSON, with its version."""

from typing import Any

from helios_core.errors import ImportRefused
from helios_core.services.records import FAMILY, FORMAT, ConversationRecord


class NativeFile(ConversationRecord):
    """The record together with the name of its format."""

    format: str


def is_native(tree: dict[str, Any]) -> bool:
    """Whether a JSON object says that it is Helios's own."""
    return str(tree.get("format", "")).startswith(FAMILY)


def parse(content: bytes, tree: dict[str, Any]) -> ConversationRecord:
    """The record in a file whose `format` is ours."""
    if tree["format"] != FORMAT:
        raise ImportRefused(f"format: this Helios reads {FORMAT}, and the file is {tree['format']}; use a newer Helios")
    file = NativeFile.model_validate_json(content)
    return ConversationRecord(**{name: getattr(file, name) for name in ConversationRecord.model_fields})
