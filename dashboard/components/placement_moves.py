"""The moves of a draft or a plan, each with its reasons: why there, and for every other card why not."""

from collections.abc import Sequence

from dashboard import formats
from dashboard.components.face import face
from dashboard.components.packaged import component
from dashboard.render import clean, short
from dashboard.theme import Tone, sign
from helios_core.services.explanations import Explanation, Line, in_words
from helios_core.services.whatif import DraftMove

VERDICTS: dict[str, tuple[str, Tone | None]] = {
    "chosen": ("chosen", "ok"), "next": ("runner-up", None), "refused": ("refused", "critical"),
}  # fmt: skip
"""What each verdict is called, and its colour."""


def placement_moves(moves: Sequence[DraftMove]) -> None:
    """Show `moves`, those that the draft asks for first."""
    ordered = sorted(moves, key=lambda move: not move.is_asked)
    component("placement_moves")(
        key="placement_moves", data={"moves": [_move(index, move) for index, move in enumerate(ordered)]}
    )


def way(before: Sequence[int], after: Sequence[int], *, is_new: bool = False) -> str:
    """From where to where: "GPU 2 → GPU 0 and 1"."""
    return f"{in_words(before, 'new' if is_new else 'no card')} → {in_words(after)}"


def _move(index: int, move: DraftMove) -> dict[str, object]:
    is_new, stays = move.newcomer is not None, move.from_gpu_ids == move.to_gpu_ids
    said = "stays" if stays else way(move.from_gpu_ids, move.to_gpu_ids, is_new=is_new)
    return {
        "key": move.configuration_id or f"new-{index}",
        **face(move.agent_id, move.agent),
        "way": "no card takes it" if move.is_refused else said,
        "about": " · ".join(
            [
                short(move.model_name, 40),
                formats.memory(move.memory_mib),
                *([] if move.is_asked else [_for_others(move)]),
            ]
        ),
        "sign": sign("refused").data if move.is_refused else None,
        "lines": reasons(move.explanation) if move.is_asked or move.is_refused else [],
    }


def _for_others(move: DraftMove) -> str:
    return "makes room" if move.to_gpu_ids else "gives way"


def reasons(explanation: Explanation) -> list[dict[str, object]]:
    """The lines of an explanation, for a component."""
    return [
        {"key": index, "cards": _cards(line), "sentence": clean(line.sentence), **_verdict(line)}
        for index, line in enumerate(explanation.lines)
    ]


def _verdict(line: Line) -> dict[str, object]:
    word, tone = VERDICTS[line.verdict]
    return {"verdict": word, "tone": tone}


def _cards(line: Line) -> str:
    if not line.gpu_ids:
        return "all cards"
    shown = ", ".join(str(gpu_id) for gpu_id in line.gpu_ids[:4])
    more = f" and {len(line.gpu_ids) - 4} more" if len(line.gpu_ids) > 4 else ""
    return f"GPU {shown}{more}"
