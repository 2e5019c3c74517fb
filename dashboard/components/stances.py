"""Where the experts stand on what the answer rests on, and who stayed alone."""

from dashboard import formats
from dashboard.components.face import Face, face
from dashboard.components.packaged import component
from dashboard.render import clean, short
from helios_core.views.conversations import Conversation
from helios_core.views.participants import named


def stances(conversation: Conversation, faces: dict[str, Face]) -> None:
    """Show the matrix of claims and experts, and the minority report."""
    speakers = dict.fromkeys(agent for claim in conversation.claims for agent in claim.stances)
    synthesis = conversation.syntheses[-1] if conversation.syntheses else None
    data = {
        "experts": [faces.get(agent) or face(agent, named(agent)) for agent in speakers],
        "claims": [
            {
                "text": short(claim.text, 160),
                "stances": {short(agent, 60): short(stance, 20) for agent, stance in claim.stances.items()},
                "quotes": {short(agent, 60): short(quote, 400) for agent, quote in claim.quotes.items()},
            }
            for claim in conversation.claims
        ],
        "minority": clean(synthesis.minority_report) if synthesis and synthesis.minority_report else None,
        "notes": list(_notes(conversation)),
    }
    component("stances")(key="stances", data=data)


def _notes(conversation: Conversation) -> list[str]:
    """What is not there, and what the number of votes rests on."""
    found = [] if conversation.claims else ["No stances were recorded."]
    measure = conversation.attributes.get("effective_votes_measure")
    votes = conversation.figures.effective_votes
    if votes is not None and isinstance(measure, str):
        found.append(f"{votes:.1f} effective votes: {short(measure, 200)}.")
    disputed = sum("against" in claim.stances.values() for claim in conversation.claims)
    if disputed:
        found.append(f"Somebody is against {formats.plural(disputed, 'claim')}.")
    drawn_by = next((claim.drawn_by for claim in conversation.claims if claim.drawn_by), None)
    if drawn_by is not None:
        found.append(f"Claims drawn by {short(drawn_by, 120)}; a stance counts if its quotation is in the response.")
    return found
