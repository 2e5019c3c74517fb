"""Claims that the responses rest on, and where each expert stands: drawn by a model, held to what was really said."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from helios_core.measures.consensus import POSITIONS, Answered, DrawnClaim, Position, Stance

MAX_CLAIMS = 12
MIN_QUOTE_LETTERS = 8


@dataclass(frozen=True, slots=True)
class Rejected:
    """What the model said and the responses do not bear out, with the reason."""

    claim: str
    agent_id: str | None
    reason: str
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What is left of a model's claims, and what is not. Nothing was drawn where both are empty."""

    claims: tuple[DrawnClaim, ...]
    rejected: tuple[Rejected, ...]


def read_claims(drawn: Mapping[str, object] | None, responses: Sequence[Answered]) -> Claims:
    """The claims in a model's answer by `prompts.CLAIMS_SCHEMA`; a stance counts if the response has its quotation."""
    rejected: list[Rejected] = []
    claims: list[DrawnClaim] = []
    for text, stances in _items(drawn):
        if len(claims) == MAX_CLAIMS:
            rejected.append(Rejected(text, None, f"More than {MAX_CLAIMS} claims were drawn."))
            continue
        held = tuple(_proved(text, stances, responses, rejected))
        if held:
            claims.append(DrawnClaim(text, held))
        elif not stances:
            rejected.append(Rejected(text, None, "No expert takes a stance on it."))
    return Claims(tuple(claims), tuple(rejected))


def is_quoted(quote: str, text: str) -> bool:
    """Whether `quote` stands in `text`, apart from white space, case, marks of emphasis and the shape of quotes.

    An ellipsis stands for words left out: what is before and after it must follow each other.
    """
    place, whole = 0, _letters(text)
    parts = [part for piece in re.split(r"\.{3,}|…|\[…\]", quote) if (part := _letters(piece))]
    for part in parts:
        found = whole.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return sum(map(len, parts)) >= MIN_QUOTE_LETTERS


def _items(drawn: Mapping[str, object] | None) -> Iterator[tuple[str, list[Mapping[str, object]]]]:
    """Each claim with its stances, as far as they have the shape that was asked for."""
    claims = drawn.get("claims") if drawn is not None else None
    for item in claims if isinstance(claims, list) else []:
        if isinstance(item, Mapping) and isinstance(item.get("claim"), str) and str(item["claim"]).strip():
            stances = item.get("stances")
            kept = [one for one in stances if isinstance(one, Mapping)] if isinstance(stances, list) else []
            yield str(item["claim"]).strip(), kept


def _proved(
    claim: str, stances: Sequence[Mapping[str, object]], responses: Sequence[Answered], rejected: list[Rejected]
) -> Iterator[Stance]:
    """The stances that a quotation proves, one for each expert; the others have become rejections."""
    heard: set[str] = set()
    for stance in stances:
        number, position, quote = stance.get("response"), stance.get("stance"), stance.get("quote")
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(responses):
            rejected.append(Rejected(claim, None, "It names a response that there is not."))
            continue
        response = responses[number - 1]
        words = quote if isinstance(quote, str) else ""
        reason = _refusal(position, words, response, heard)
        if reason is not None:
            rejected.append(Rejected(claim, response.agent_id, reason, words or None))
            continue
        heard.add(response.agent_id)
        yield Stance(number - 1, response.agent_id, cast("Position", position), words.strip())


def _refusal(position: object, quote: str, response: Answered, heard: set[str]) -> str | None:
    if position not in POSITIONS:
        return "It is neither for, against nor qualified."
    if response.agent_id in heard:
        return "The expert was given a second stance on the same claim."
    if not is_quoted(quote, response.text):
        return "The quotation is not in the response."
    return None


def _letters(text: str) -> str:
    """The letters and digits of `text`, in lower case, with one space between words."""
    return " ".join(re.findall(r"\w+", text.casefold().replace("_", " ")))
