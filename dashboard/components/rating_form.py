"""The form by which a person rates the answer, or a response."""

import streamlit as st

from dashboard.live import act
from dashboard.render import plain
from dashboard.workspace import allows
from helios_core.errors import HeliosError
from helios_core.services.permissions import Action
from helios_core.services.scores import Subject, rate
from helios_core.views.conclusions import Conclusion
from helios_core.views.scores import Score


def rating_form(found: Conclusion) -> None:
    """Rate something of the conclusion; what the viewer gave before stands in the form."""
    if found.synthesis is None:
        st.caption("There is no answer to rate.")
        return
    if not allows(Action.RATE_ANSWERS):
        st.caption("You may read here what others gave, and rate nothing yourself.")
        return
    subjects = _subjects(found)
    names = list(subjects)
    chosen = st.selectbox("What do you rate?", names, key=f"rated_{found.conversation.id}", format_func=plain)
    subject = subjects[chosen or names[0]]
    mine = _mine(found, subject)
    with st.form(f"rating_{subject.kind}_{subject.id}", border=False):
        stars = st.feedback(
            "stars", default=round(mine.value) - 1 if mine else None, key=f"stars_{subject.kind}_{subject.id}"
        )
        words = st.text_area(
            "Why?", value=(mine.explanation or "") if mine else "", height=90, max_chars=4000,
            key=f"why_{subject.kind}_{subject.id}", placeholder="What helped, and what was wrong or missing",
        )  # fmt: skip
        sent = st.form_submit_button("Rate again" if mine else "Rate", type="primary")
    if sent and stars is None:
        st.warning("Choose one to five stars.", icon=":material/star:")
    elif sent and stars is not None:
        _send(subject, stars + 1, words)


def _send(subject: Subject, grade: int, words: str) -> None:
    try:
        act(rate, subject, grade, words)
    except HeliosError as error:
        st.warning(plain(str(error)), icon=":material/error:")
    else:
        st.toast("Your rating is kept.", icon=":material/star:")
        st.rerun()


def _subjects(found: Conclusion) -> dict[str, Subject]:
    """What can be rated, by what it is called."""
    named: dict[str, Subject] = {}
    if found.synthesis is not None:
        named["The answer"] = Subject("synthesis", found.synthesis.id)
    names = {voice.agent_id: voice.name for voice in found.voices}
    for number, response in enumerate(found.conversation.responses, start=1):
        name = f"Response of {names[response.agent_id]}"
        named[name if name not in named else f"{name} ({number})"] = Subject("response", response.id)
    return named


def _mine(found: Conclusion, subject: Subject) -> Score | None:
    given = [score for score in found.scores if (score.kind, score.subject_id) == (subject.kind, subject.id)]
    return next((score for score in given if score.is_mine), None)
