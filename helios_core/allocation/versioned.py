"""A list that can be kept as it is now at little cost, however long it is."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Generic, TypeVar

T = TypeVar("T")

PART = 128
"""The list is held in parts of so many; a part that somebody kept is copied before it changes."""


class Versioned(Generic[T]):
    """A list of a fixed length that changes in place and may be kept."""

    __slots__ = ("_is_kept", "_parts")

    def __init__(self, items: Sequence[T]) -> None:
        self._parts = [list(items[start : start + PART]) for start in range(0, len(items), PART)]
        self._is_kept = [False] * len(self._parts)

    def __setitem__(self, position: int, item: T) -> None:
        part = position // PART
        if self._is_kept[part]:
            self._parts[part] = self._parts[part].copy()
            self._is_kept[part] = False
        self._parts[part][position % PART] = item

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._parts)

    def keep(self) -> "Kept[T]":
        """The list as it is now."""
        self._is_kept = [True] * len(self._parts)
        return Kept(self._parts.copy())


class Kept(Generic[T]):
    """A list as it once was."""

    __slots__ = ("_parts",)

    def __init__(self, parts: list[list[T]]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._parts)
