"""Why so many experts are not so many votes: those on one base model, and what they count."""

from collections import defaultdict

from dashboard import formats
from dashboard.components.facts import Fact, facts
from helios_core.views.conclusions import HOW_VOTES_ARE_COUNTED, Conclusion, Voice


def vote_list(found: Conclusion) -> str:
    """Show each base model with its experts; the measure in words."""
    models: dict[str, list[Voice]] = defaultdict(list)
    for voice in found.voices:
        models[voice.base_model or "model not known"].append(voice)
    facts("vote_list", [_fact(model, voices) for model, voices in models.items()])
    return HOW_VOTES_ARE_COUNTED


def _fact(model: str, voices: list[Voice]) -> Fact:
    counts = [voice.vote for voice in voices if voice.vote is not None]
    votes = formats.NA if len(counts) < len(voices) else f"{sum(counts):.2f}"
    who = ", ".join(voice.name for voice in voices)
    return Fact(
        model, f"{votes} {'vote' if votes == '1.00' else 'votes'}", f"{formats.plural(len(voices), 'expert')}: {who}"
    )
