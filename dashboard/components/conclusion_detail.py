"""One conclusion: the answer and who wrote it, where experts stand, in how many votes, and how good it is."""

from collections.abc import Callable

import streamlit as st

from dashboard import formats
from dashboard.chrome import open_page
from dashboard.components.attributed import attributed
from dashboard.components.card import card, section
from dashboard.components.conversation_detail import faces_of
from dashboard.components.conversation_list import SOURCES
from dashboard.components.face import Face
from dashboard.components.facts import Fact, facts
from dashboard.components.figures import Figure, figures
from dashboard.components.rating_form import rating_form
from dashboard.components.score_sheet import agreement_in_words, score_sheet
from dashboard.components.stances import stances
from dashboard.components.vote_list import vote_list
from dashboard.live import guarded, refresh_seconds, shared
from dashboard.render import date_and_time, plain
from dashboard.theme import sign
from helios_core.views.conclusions import Conclusion, conclusion
from helios_core.views.scores import judge_agreements, mean_share


def conclusion_detail(conversation_id: int) -> None:
    """Everything about a conclusion. The form to rate it is drawn once, so that nothing typed is lost."""
    found = shared(conclusion, conversation_id)
    _header(found)

    def follow(part: Callable[[Conclusion, dict[str, Face]], None]) -> None:
        """Draw a part of the page as a fragment of its own, which keeps up with what others do."""

        def draw() -> None:
            present = shared(conclusion, conversation_id)
            part(present, faces_of(present.conversation))

        st.fragment(guarded(draw), run_every=refresh_seconds(), key=part.__name__)()

    follow(_figures)
    left, right = st.columns([1.7, 1], gap="small")
    with left:
        section("The answer, and who contributed what")
        follow(_answer)
        section("Scores, and who gave them")
        follow(_scores)
    with right:
        follow(_stances)
        with card("votes", "Effective votes"):
            follow(_votes)
        with card("rating", "Your rating"):
            guarded(rating_form)(found)
        follow(_findings)


def _header(found: Conclusion) -> None:
    talk = found.conversation
    state = sign(talk.outcome or "under_way")
    when = (
        date_and_time(found.synthesis.created_at)
        if found.synthesis and talk.source == "live"
        else date_and_time(talk.ended_at)
    )
    st.markdown(f"[Synthesis](synthesis) / {when} · {SOURCES[talk.source]} · {state.markdown}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(plain(talk.title), anchor=False, width="stretch")
        if st.button("The conversation", icon=":material/forum:", width="content"):
            open_page("conversations", conversation=talk.id)
    if talk.question and talk.question.strip() != talk.title.strip():
        st.markdown(f":gray[{plain(talk.question, 600)}]")


def _figures(found: Conclusion, _faces: dict[str, Face]) -> None:
    judged = [share for share in (_judged(found), found.conversation.figures.quality) if share is not None]
    rating = found.conversation.figures.satisfaction_rating
    people = len({(score.given_by, score.is_mine) for score in found.scores if score.source == "person"})
    own = "nobody wrote an answer" if found.synthesis is None else f"{formats.share(found.own_share)} its writer's own"
    rows = [
        Figure("agreement", formats.score(found.conversation.figures.agreement), _of_claims(found)),
        Figure("effective votes", _votes_of(found), _sharing(found)),
        Figure("experts' share", formats.share(None if found.own_share is None else 1 - found.own_share), own),
        Figure(
            "judges",
            formats.score(judged[0] if judged else None),
            "mean of the responses" if judged else "nobody judged",
        ),
        Figure("people", formats.NA if rating is None else f"{rating:.1f} / 5", _raters(people, rating)),
    ]
    figures("conclusion_figures", rows)


def _judged(found: Conclusion) -> float | None:
    return mean_share((score for score in found.scores if score.kind == "response"), "judge")


def _of_claims(found: Conclusion) -> str:
    number = len(found.claims)
    return f"of stances on {formats.plural(number, 'claim')}" if number else "no stances recorded"


def _votes_of(found: Conclusion) -> str:
    if found.effective_votes is None:
        return formats.NA
    return f"{found.effective_votes:.1f} of {len(found.voices)}"


def _sharing(found: Conclusion) -> str:
    if found.effective_votes is None:
        return "a model is not known" if found.voices else "nobody answered"
    together = found.sharing_voices
    return f"{together} experts share their base model" if together else "every base model is another one"


def _raters(people: int, rating: float | None) -> str:
    if people:
        return formats.plural(people, "rater")
    return "recorded" if rating is not None else "nobody rated it"


def _answer(found: Conclusion, faces: dict[str, Face]) -> None:
    if found.synthesis is None:
        waits = found.conversation.is_under_way
        st.info(
            "The team is still at work; the answer will stand here." if waits else "Nobody summed the responses up.",
            icon=":material/hourglass_empty:" if waits else ":material/notes:",
        )
        return
    attributed(found, faces)
    if len(found.conversation.syntheses) > 1:
        st.caption(f"The last of {len(found.conversation.syntheses)}: a review sent the one before back.")


def _stances(found: Conclusion, faces: dict[str, Face]) -> None:
    stances(found.conversation, faces)


def _votes(found: Conclusion, _faces: dict[str, Face]) -> None:
    if not found.voices:
        st.caption("Nobody answered yet.")
        return
    st.caption(plain(vote_list(found)))


def _scores(found: Conclusion, faces: dict[str, Face]) -> None:
    score_sheet(found, faces)
    st.caption(plain_lines(agreement_in_words(shared(judge_agreements))))
    prompts = {score.prompt_version: score.prompt for score in found.scores if score.prompt and score.prompt_version}
    for version, prompt in prompts.items():
        with st.expander(f"What judges were asked: {plain(version)}"):
            st.code(prompt, language=None, wrap_lines=True)


def plain_lines(text: str) -> str:
    """Several lines of foreign text as Markdown."""
    return "  \n".join(plain(line) for line in text.splitlines())


def _findings(found: Conclusion, _faces: dict[str, Face]) -> None:
    if not found.findings:
        return
    with card("findings", "What was wrong on the way", f"{len(found.findings)}"):
        facts(
            "findings",
            [
                Fact(formats.words(finding.kind), finding.sentence, f"{finding.effect} {finding.excerpt}".strip())
                for finding in found.findings
            ],
        )
