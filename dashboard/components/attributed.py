"""The answer with who contributed what, passage by passage."""

from typing import Any

from dashboard import formats
from dashboard.components.face import Face, face
from dashboard.components.packaged import component
from dashboard.render import clean, short
from helios_core.views.conclusions import HOW_PASSAGES_ARE_ATTRIBUTED, Conclusion, Voice

BASIS = {"citation": "cited", "overlap": "by the words that they share", "own": ""}


def attributed(found: Conclusion, faces: dict[str, Face]) -> None:
    """Show the answer; a click on a contributor shows what is theirs."""
    passages = [
        {
            "text": clean(passage.text),
            "who": [{"id": short(agent, 60), "share": share} for agent, share in _largest_first(passage.shares)],
            "basis": BASIS[passage.basis],
        }
        for passage in found.passages
    ]
    data = {
        "legend": [*_givers(found, faces), *_writer(found, faces)],
        "passages": passages,
        "method": HOW_PASSAGES_ARE_ATTRIBUTED,
    }
    component("attributed")(key="attributed", data=data)


def _givers(found: Conclusion, faces: dict[str, Face]) -> list[dict[str, Any]]:
    voices = sorted(found.voices, key=lambda voice: -(voice.share or 0))
    return [
        _giver(faces.get(voice.agent_id) or face(voice.agent_id, voice.name), formats.share(voice.share), _note(voice))
        for voice in voices
    ]


def _writer(found: Conclusion, faces: dict[str, Face]) -> list[dict[str, Any]]:
    """Whoever wrote the answer, with what is nobody else's in it."""
    if found.synthesis is None:
        return []
    writer = found.synthesis.synthesizer_agent_id
    shown = _giver(faces.get(writer) or face(writer, writer), formats.share(found.own_share), "own words")
    return [shown | {"key": ""}]


def _giver(of: Face, share: str, note: str) -> dict[str, Any]:
    return {
        "key": of["id"],
        "initials": of["initials"],
        "name": of["name"],
        "colour": of["colour"],
        "share": share,
        "note": note,
    }


def _note(voice: Voice) -> str:
    """What the source of an import says of the same, where it does."""
    recorded, measured = voice.recorded_share, voice.share
    is_another = recorded is not None and (measured is None or abs(recorded - measured) > 0.005)
    return f"recorded {formats.share(recorded)}" if is_another else ""


def _largest_first(shares: Any) -> list[tuple[str, float]]:  # noqa: ANN401
    return sorted(shares.items(), key=lambda pair: -pair[1])
