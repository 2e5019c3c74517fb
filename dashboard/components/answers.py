"""Responses side by side, and what was made of them."""

from collections.abc import Callable, Sequence
from typing import Any

from dashboard import formats
from dashboard.components.face import Face, face
from dashboard.components.opening import linked, target
from dashboard.components.packaged import component
from dashboard.render import clean, short
from helios_core.views.participants import named
from helios_core.views.responses import Response
from helios_core.views.syntheses import Synthesis


def responses(rows: Sequence[Response], faces: dict[str, Face], *, opens_delegation: bool = True) -> None:
    """Each response with its scores, tokens and time; one opens its delegation."""
    linked("answers", "answers", [_response(row, faces, opens_delegation) for row in rows], key="responses")


def syntheses(rows: Sequence[Synthesis], faces: dict[str, Face]) -> None:
    """The answer with who contributed how much; the last one first, as it is the one that counts."""
    answers = [_synthesis(row, faces, len(rows) - place, len(rows)) for place, row in enumerate(reversed(rows))]
    component("answers")(key="syntheses", data={"answers": answers, "is_wide": True})


def _response(row: Response, faces: dict[str, Face], opens_delegation: bool) -> dict[str, object]:
    known = [
        *_score("quality", row.quality_score, "how good the response was found"),
        *_score("confidence", row.confidence_score, "how sure the agent itself was"),
        *_amount("took", row.response_seconds, formats.duration),
        *_amount("tokens", row.output_tokens, formats.count),
    ]
    model = " · ".join(filter(None, [short(row.model_name, 40) if row.model_name else "", row.model_provider]))
    return {
        "key": row.id,
        "face": _face(row.agent_id, faces),
        "what": model or "model not recorded",
        "target": target("delegations", delegation=row.delegation_id) if opens_delegation else None,
        "scores": known,
        "note": "" if known else "No score, time or tokens were recorded.",
        "words": clean(row.content),
    }


def _synthesis(row: Synthesis, faces: dict[str, Face], number: int, total: int) -> dict[str, object]:
    scores = [*_score("agreement", row.consensus_score, ""), *_score("quality", row.quality_score, "")]
    givers = [_face(part.agent_id, faces)["name"] for part in row.contributions if part.weight is None]
    return {
        "key": row.id,
        "face": _face(row.synthesizer_agent_id, faces),
        "what": "synthesis" if total == 1 else f"synthesis {number} of {total}",
        "note": f"From {', '.join(dict.fromkeys(givers))}; how much of it, was not recorded." if givers else "",
        "target": None,
        "scores": scores
        + [
            score | {"value": formats.share(part.weight), "colour": _face(part.agent_id, faces)["colour"]}
            for part in row.contributions
            for score in _score(_face(part.agent_id, faces)["name"], part.weight, "share of the answer")
        ],
        "words": clean(row.content),
    }


def _score(label: str, value: float | None, note: str) -> list[dict[str, Any]]:
    """A score with its bar; nothing where nobody gave one."""
    return [] if value is None else [{"label": label, "value": formats.score(value), "share": value, "note": note}]


def _amount(label: str, value: float | None, written: Callable[[float], str]) -> list[dict[str, Any]]:
    return [] if value is None else [{"label": label, "value": written(value), "share": None, "note": ""}]


def _face(agent_id: str, faces: dict[str, Face]) -> Face:
    return faces.get(agent_id) or face(agent_id, named(agent_id))
