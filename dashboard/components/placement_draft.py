"""The draft of a placement: which agents shall be elsewhere. It lives in the URL, so that it can be sent and kept."""

from dataclasses import dataclass, replace

import streamlit as st

from dashboard.chrome import select

Target = int | str | None
"""A card, "anywhere", or no card."""

WORDS: dict[str, Target] = {"any": "anywhere", "none": None}


@dataclass(frozen=True, slots=True)
class PlacementDraft:
    """Where agents shall go, by their configuration, and the cards that are thought away."""

    targets: tuple[tuple[int, Target], ...] = ()
    without: tuple[int, ...] = ()
    may_evict: bool = False
    """Whether less important agents may lose their card."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing shall be different."""
        return not self.targets and not self.without

    def moved(self, configuration_id: int, target: Target, present: int | None) -> "PlacementDraft":
        """The draft with one agent elsewhere; where it is already, it leaves the draft."""
        others = tuple(pair for pair in self.targets if pair[0] != configuration_id)
        return replace(self, targets=others if target == present else (*others, (configuration_id, target)))


def draft_in_url() -> PlacementDraft:
    """The draft that the URL holds; what cannot be read of it is left out."""
    targets = [_target(part) for part in st.query_params.get("draft", "").split(",")]
    without = st.query_params.get("without", "").split(",")
    return PlacementDraft(
        tuple(dict(found for found in targets if found is not None).items()),
        tuple(sorted({int(part) for part in without if _is_number(part)})),
        may_evict=st.query_params.get("evict") == "yes",
    )


def into_url(draft: PlacementDraft) -> None:
    """Let the URL hold `draft`, and draw the page with it."""
    names = {target: word for word, target in WORDS.items()}
    parts = [f"{configuration_id}.{names.get(target, target)}" for configuration_id, target in draft.targets]
    select(
        draft=",".join(parts) or None,
        without=",".join(map(str, draft.without)) or None,
        evict="yes" if draft.may_evict else None,
    )


def _target(part: str) -> tuple[int, Target] | None:
    configuration_id, _, word = part.partition(".")
    if not _is_number(configuration_id) or not (_is_number(word) or word in WORDS):
        return None
    return int(configuration_id), int(word) if _is_number(word) else WORDS[word]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18
