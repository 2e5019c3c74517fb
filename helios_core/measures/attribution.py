"""Which part of an answer comes from whom: by what it cites, else by the words that it shares with a response."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Basis = Literal["citation", "overlap", "own"]

METHOD = (
    "A passage belongs to the experts whom it cites in brackets. Where it cites nobody, it belongs to the responses "
    "whose runs of three words it repeats, in proportion to these; where it repeats hardly any, to its writer."
)
RUN_WORDS = 3
MIN_OVERLAP = 0.15
"""A response has part in a passage that repeats at least this share of its runs of words from it."""

CITATION = re.compile(r"\s*\[([^\]\n]{1,200})\](?!\()")
# After a full stop that ends no number of a list, with the citations that follow it; and after every line.
PASSAGE_END = re.compile(
    r"""(?<=[.!?:]) (?<!\b\d\.) (?<!\b\d\d\.)
        (?: (?:[ \t]* \[[^\]\n]{1,200}\](?!\())+ \.? \s+ | \s+ (?=[\"'“(*]*[A-ZÀ-ÞА-Я0-9]) )
      | \n+""",
    re.VERBOSE,
)
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Source:
    """A response that an answer may rest on."""

    agent_id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of an answer. `shares`: by the position of a source, its part of the passage; empty: the writer's own."""

    text: str
    shares: Mapping[int, float]
    basis: Basis


@dataclass(frozen=True, slots=True)
class Attribution:
    """An answer in passages; put together again they are the answer, letter by letter."""

    passages: tuple[Passage, ...]

    def weights(self, sources: int) -> list[float]:
        """Each source's share of the answer's words, from 0 to 1; what is left to 1 is the writer's own."""
        lengths = [len(WORD.findall(passage.text)) for passage in self.passages]
        whole = sum(lengths) or 1
        return [
            sum(
                length * passage.shares.get(source, 0.0) for length, passage in zip(lengths, self.passages, strict=True)
            )
            / whole
            for source in range(sources)
        ]


def attribute(answer: str, sources: Sequence[Source]) -> Attribution:
    """Who contributed each passage of `answer`."""
    runs = [frozenset(_runs(source.text)) for source in sources]
    return Attribution(tuple(_passage(text, sources, runs) for text in _split(answer)))


def _passage(text: str, sources: Sequence[Source], runs: Sequence[frozenset[tuple[str, ...]]]) -> Passage:
    repeated = _overlaps(text, runs)
    cited = _cited(text, sources)
    if cited:
        return Passage(text, _shared_out({place: repeated[place] for place in cited}), "citation")
    found = {place: overlap for place, overlap in enumerate(repeated) if overlap >= MIN_OVERLAP}
    return Passage(text, _shared_out(found), "overlap" if found else "own")


def _shared_out(overlaps: Mapping[int, float]) -> dict[int, float]:
    """Shares in proportion to the overlaps; equal ones where there is none."""
    whole = sum(overlaps.values())
    return {place: overlap / whole if whole else 1 / len(overlaps) for place, overlap in overlaps.items()}


def _overlaps(text: str, runs: Sequence[frozenset[tuple[str, ...]]]) -> list[float]:
    """For each source, the share of the passage's runs of words that it has, too."""
    own = set(_runs(text))
    return [len(own & theirs) / len(own) if own else 0.0 for theirs in runs]


def _cited(text: str, sources: Sequence[Source]) -> list[int]:
    """The sources whose names stand in brackets in `text`."""
    names = {_plain(name) for inside in CITATION.findall(text) for name in re.split(r"[,;&]|\band\b", inside)}
    if not names:
        return []
    return [place for place, source in enumerate(sources) if {_plain(source.name), _plain(source.agent_id)} & names]


def _split(answer: str) -> Iterator[str]:
    """The answer's sentences and lines, each with the white space that follows it."""
    start = 0
    for found in PASSAGE_END.finditer(answer):
        yield answer[start : found.end()]
        start = found.end()
    if start < len(answer):
        yield answer[start:]


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    words = WORD.findall(CITATION.sub(" ", text).casefold())
    return zip(*(words[place:] for place in range(RUN_WORDS)), strict=False)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
