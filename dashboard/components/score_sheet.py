"""Scores with where they come from: what the expert, judge models and people gave each answer."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.components.face import Face, face
from dashboard.components.packaged import component
from dashboard.render import clean, short
from helios_core.views.conclusions import Conclusion
from helios_core.views.participants import named
from helios_core.views.scores import JudgeAgreement, Score

MOST_UNSCORED = 6
"""More answers without a score would fill the page with nothing."""
SOURCES = {"person": "people", "judge": "judge", "self": "itself"}


def score_sheet(found: Conclusion, faces: dict[str, Face]) -> None:
    """Show the scores of the answer and of each response; what nobody scored is n/a, and left out where it is much."""
    subjects = []
    if found.synthesis is not None:
        subjects.append(_subject(found, faces, "synthesis", found.synthesis.id, found.synthesis.synthesizer_agent_id))
    subjects += [
        _subject(found, faces, "response", response.id, response.agent_id) for response in found.conversation.responses
    ]
    unscored = [subject for subject in subjects if all(score["value"] == formats.NA for score in subject["scores"])]
    if len(unscored) > MOST_UNSCORED:
        subjects = [subject for subject in subjects if subject not in unscored]
        st.caption(f"Nobody scored {formats.plural(len(unscored), 'answer')}.")
    if subjects:
        component("score_sheet")(key="score_sheet", data={"subjects": subjects})


def agreement_in_words(found: Sequence[JudgeAgreement]) -> str:
    """How far judges agree with people, or why that cannot be told; Markdown of ours."""
    if not found:
        return "No answer was scored by both a judge model and a person yet, so how far they agree is unknown."
    return "  \n".join(map(_kappa, found))


def _kappa(one: JudgeAgreement) -> str:
    judge = f"{short(one.model_name, 60)}, {short(one.prompt_version, 40)}"
    if one.kappa is None and one.missing_pairs:
        return f"{judge}: too few to tell ({formats.plural(one.pairs, 'pair')}, {one.missing_pairs} more needed)."
    if one.kappa is None:
        return f"{judge}: {one.pairs} pairs, but one side always gave the same."
    reach = f"{one.kappa.low:.2f} to {one.kappa.high:.2f}"
    return f"{judge}: κ {one.kappa.value:.2f} (95 %: {reach}) from {one.pairs} pairs with people."


def _subject(found: Conclusion, faces: dict[str, Face], kind: str, subject_id: int, agent_id: str) -> dict[str, Any]:
    given = [score for score in found.scores if (score.kind, score.subject_id) == (kind, subject_id)]
    whole = [score for score in given if score.is_whole]
    shown = [_score(score, [part for part in given if _belongs(part, score)]) for score in _ordered(whole)]
    return {
        "key": f"{kind} {subject_id}",
        "face": faces.get(agent_id) or face(agent_id, named(agent_id)),
        "what": "the answer" if kind == "synthesis" else "response",
        "scores": shown + _recorded(found, kind, subject_id, given),
    }


def _ordered(scores: Iterable[Score]) -> list[Score]:
    return sorted(scores, key=lambda score: ([*SOURCES].index(score.source), score.given_at))


def _belongs(part: Score, whole: Score) -> bool:
    """Whether a judge gave a part of the score for the whole."""
    same_judge = (part.given_by, part.prompt_version) == (whole.given_by, whole.prompt_version)
    return part.source == whole.source == "judge" and same_judge and not part.is_whole


def _score(score: Score, parts: Sequence[Score]) -> dict[str, Any]:
    by = "you" if score.is_mine else short(score.given_by, 60) if score.given_by else _nameless(score)
    return {
        "key": f"{score.source} {score.given_by} {score.prompt_version}",
        "source": SOURCES[score.source],
        "value": _value(score),
        "share": score.share,
        "by": " · ".join(filter(None, (by, short(score.prompt_version, 40) if score.prompt_version else ""))),
        "parts": " · ".join(f"{formats.words(short(part.criterion, 40))} {_value(part)}" for part in parts),
        "explanation": clean(score.explanation) if score.explanation else "",
    }


def _nameless(score: Score) -> str:
    return "its own confidence" if score.source == "self" else "somebody else"


def _value(score: Score) -> str:
    if (score.scale.low, score.scale.high) == (0, 1):
        return formats.score(score.value)
    return f"{score.value:g} of {score.scale.high:g}"


def _recorded(found: Conclusion, kind: str, subject_id: int, given: Sequence[Score]) -> list[dict[str, Any]]:
    """What the source of an import recorded, with who gave it where it says so; else that there is nothing."""
    held = {source for source, _ in groupby(sorted(score.source for score in given))}
    lines: list[dict[str, Any]] = []
    for response in found.conversation.responses if kind == "response" else ():
        if response.id == subject_id:
            by = response.structured.get("scored_by")
            named_by = _judge(short(by, 80)) if isinstance(by, str) else "recorded; by whom is unknown"
            if response.quality_score is not None and "judge" not in held:
                lines.append(_line("judge", response.quality_score, named_by))
            if response.confidence_score is not None and "self" not in held:
                lines.append(_line("self", response.confidence_score, "its own confidence"))
    if kind == "synthesis" and found.synthesis is not None and found.synthesis.quality_score is not None and not held:
        lines.append(_line("judge", found.synthesis.quality_score, "recorded; by whom is unknown"))
    return lines or ([] if given else [_line("judge", None, "nobody scored it")])


def _judge(by: str) -> str:
    """Who scored, by name where an id stands first: "quality_assurance on llama3.1:8b"."""
    agent_id, rest = by.partition(" ")[::2]
    return f"{named(agent_id)} {rest}".rstrip() if "_" in agent_id else by


def _line(source: str, share: float | None, by: str) -> dict[str, Any]:
    return {
        "key": f"recorded {source}",
        "source": SOURCES[source],
        "value": formats.score(share),
        "share": share,
        "by": by,
        "parts": "",
        "explanation": "",
    }
