"""The draft of a placement: which agents shall be elsewhere. It lives in the URL, so that it can be sent and kept."""

from dataclasses import dataclass, replace
from typing import Literal

import streamlit as st

from dashboard.chrome import select

Target = int | tuple[int, ...] | Literal["anywhere"] | None
"""A card, several of them at once, "anywhere", or no card."""

WORDS: dict[str, Target] = {"any": "anywhere", "none": None}
MOST_NEWCOMERS = 64


@dataclass(frozen=True, slots=True)
class PlacementDraft:
    """Where agents shall go, by their configuration, who shall join them, and the cards that are thought away."""

    targets: tuple[tuple[int, Target], ...] = ()
    without: tuple[int, ...] = ()
    may_evict: bool = False
    """Whether less important agents may lose their card."""
    more: tuple[tuple[str, int, Target], ...] = ()
    """How many more agents like which one, and where they shall be."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing shall be different."""
        return not self.targets and not self.without and not self.more

    def joined(self, like: str, count: int, target: Target = "anywhere") -> "PlacementDraft":
        """The draft with so many more agents like this one; none: without them."""
        others = tuple(kind for kind in self.more if kind[0] != like)
        return replace(self, more=(*others, (like, min(count, MOST_NEWCOMERS), target)) if count else others)

    def moved(self, configuration_id: int, target: Target, present: Target) -> "PlacementDraft":
        """The draft with one agent elsewhere; where it is already, it leaves the draft."""
        others = tuple(pair for pair in self.targets if pair[0] != configuration_id)
        return replace(self, targets=others if target == present else (*others, (configuration_id, target)))


def draft_in_url() -> PlacementDraft:
    """The draft that the URL holds; what cannot be read of it is left out."""
    targets = [_target(part) for part in st.query_params.get("draft", "").split(",")]
    without = st.query_params.get("without", "").split(",")
    more = [_more(part) for part in st.query_params.get("more", "").split(",")]
    return PlacementDraft(
        tuple(dict(found for found in targets if found is not None).items()),
        tuple(sorted({int(part) for part in without if _is_number(part)})),
        may_evict=st.query_params.get("evict") == "yes",
        more=tuple({kind[0]: kind for kind in more if kind is not None}.values()),
    )


def into_url(draft: PlacementDraft) -> None:
    """Let the URL hold `draft`, and draw the page with it."""
    select(
        draft=",".join(f"{configuration_id}.{_written(target)}" for configuration_id, target in draft.targets) or None,
        more=",".join(f"{like}.{count}.{_written(target)}" for like, count, target in draft.more) or None,
        without=",".join(map(str, draft.without)) or None,
        evict="yes" if draft.may_evict else None,
    )


def _target(part: str) -> tuple[int, Target] | None:
    configuration_id, _, word = part.partition(".")
    is_target, target = _read(word)
    return (int(configuration_id), target) if _is_number(configuration_id) and is_target else None


def _more(part: str) -> tuple[str, int, Target] | None:
    like, count, word = (*part.split("."), "", "")[:3]
    is_target, target = _read(word)
    if not like or not is_target or not _is_number(count) or not 1 <= int(count) <= MOST_NEWCOMERS:
        return None
    return like, int(count), target


def _written(target: Target) -> str:
    if isinstance(target, tuple):
        return "-".join(map(str, target))
    return next((word for word, known in WORDS.items() if known == target), str(target))


def _read(word: str) -> tuple[bool, Target]:
    """Whether the word is a target, and which."""
    if word in WORDS:
        return True, WORDS[word]
    numbers = word.split("-")
    if not all(map(_is_number, numbers)):
        return False, None
    gpu_ids = tuple(dict.fromkeys(map(int, numbers)))
    return True, gpu_ids[0] if len(gpu_ids) == 1 else gpu_ids


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18
