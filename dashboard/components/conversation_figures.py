"""A conversation in six figures."""

from collections.abc import Sequence

from dashboard import formats
from dashboard.components.face import Face
from dashboard.components.figures import Figure, figures
from dashboard.live import shared
from helios_core.views.conversation_gpus import GpuDuring, conversation_gpus
from helios_core.views.conversations import Conversation, Figures


def conversation_figures(conversation: Conversation, _faces: dict[str, Face]) -> None:
    """Show agreement, votes, quality, time, energy and tokens; what nobody measured is n/a."""
    known = conversation.figures
    rows = [
        Figure("agreement", formats.score(known.agreement), _agreement(conversation)),
        _votes(known),
        _quality(conversation),
        Figure("time", formats.duration(known.duration_seconds), _waiting(conversation)),
        _energy(shared(conversation_gpus, conversation.id)),
        _tokens(conversation),
    ]
    figures("conversation_figures", rows)


def _agreement(conversation: Conversation) -> str:
    if conversation.figures.agreement is None:
        return _lacking(conversation, "not recorded")
    return f"of stances on {formats.plural(len(conversation.claims), 'claim')}" if conversation.claims else ""


def _lacking(conversation: Conversation, why: str) -> str:
    """Why a figure is n/a: what a team at work has not made yet may come."""
    return "when it has ended" if conversation.is_under_way else why


def _votes(known: Figures) -> Figure:
    if known.effective_votes is None:
        return Figure("effective votes", formats.NA, f"{formats.plural(known.expert_count, 'agent')} answered")
    sharing = known.shared_model_count
    note = f"{sharing} experts share a base model" if sharing else "every model is another one"
    return Figure("effective votes", f"{known.effective_votes:.1f} of {known.expert_count}", note)


def _quality(conversation: Conversation) -> Figure:
    known = conversation.figures
    number = known.scored_response_count
    unscored = _lacking(conversation, "nobody scored it")
    scored = f"mean of {formats.plural(number, 'scored response')}" if number else unscored
    if known.satisfaction_rating is not None:
        note = f"one reader · responses {formats.score(known.quality)}"
        return Figure("quality", f"{known.satisfaction_rating:.1f} / 5", note)
    return Figure("quality", formats.score(known.quality), scored)


def _waiting(conversation: Conversation) -> str:
    known = conversation.figures
    if known.duration_seconds is None:
        return "no times recorded"
    total = sum(known.seconds.values())
    if not total or ("queue" not in known.seconds and "unknown" in known.seconds):
        return "waiting was not measured"
    return f"{formats.share(known.seconds.get('queue', 0) / total)} of expert time waiting"


def _energy(gpus: Sequence[GpuDuring]) -> Figure:
    """What the cards used in that time, for this conversation and whatever else they did."""
    measured = [gpu for gpu in gpus if gpu.energy.measured_seconds > 0]
    if not measured:
        return Figure("energy", formats.NA, "not measured")
    coverage = sum(gpu.energy.coverage for gpu in measured) / len(measured)
    cards = formats.plural(len(measured), "simulated card" if measured[0].is_simulated else "card")
    note = f"all of {cards} · {formats.share(coverage)} measured"
    return Figure("energy", formats.watt_hours(sum(gpu.energy.watt_hours for gpu in measured)), note)


def _tokens(conversation: Conversation) -> Figure:
    known = conversation.figures
    if known.input_tokens is None and known.output_tokens is None:
        return Figure("tokens", formats.NA, _lacking(conversation, "not recorded"))
    total = (known.input_tokens or 0) + (known.output_tokens or 0)
    return Figure("tokens", formats.count(total), f"{formats.count(known.output_tokens)} written")
