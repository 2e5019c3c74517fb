"""The Synthesis page: who contributed what, who stands where, how good it is, and rating it, in a real browser."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.ingest.samples import load_samples
from helios_core.measures.consensus import Answered, DrawnClaim, Stance, consensus
from helios_core.measures.scores import CONFIDENCE, GRADES, OVERALL, SHARE, Assessment, Judge
from helios_core.models import (
    AgentResponse,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.services.consensus import NewSynthesis, conclude
from helios_core.services.findings import Finding, record_findings
from helios_core.services.scores import Subject, record_scores
from tests.browser import scene
from tests.browser.conftest import Installation, Visitor
from tests.browser.looks import LOOKS, Look

pytestmark = pytest.mark.browser

CACHE = "Do we need a cache in front of the database?"
FOUR_DAYS = "Should our support team try a four-day week?"
JUDGE = Judge("qwen2.5:14b", "ollama", "judge-1", "You judge one answer of an expert.")
INDEXES = "Two indexes make them fast enough for a year."
ANSWERS = (
    Answered("technical_expert", "Technical Expert", f"A cache hides slow queries. {INDEXES}", "llama3.1:8b"),
    Answered(
        "business_analyst",
        "Business Analyst",
        "A cache costs 900 EUR a month. Add it now, before the campaign.",
        "llama3.1:8b",
    ),
    Answered(
        "socratic_expert", "Socratic Expert", "Nobody has measured where the time goes. Measure first.", "mistral:7b"
    ),
)
ANSWER = (
    "**Not yet.** Measure where the time goes first. [Socratic Expert]\n\n"
    f"1. {INDEXES}\n"
    "2. A cache costs 900 EUR a month. [Business Analyst]\n\n"
    "I would look at it again in spring."
)
CLAIMS = (
    DrawnClaim(
        "A cache is needed now",
        (
            Stance(0, "technical_expert", "against", "Two indexes make them fast enough"),
            Stance(1, "business_analyst", "for", "Add it now, before the campaign"),
            Stance(2, "socratic_expert", "against", "Measure first"),
        ),
    ),
    DrawnClaim("The time is known to go to queries", (Stance(2, "socratic_expert", "against", "Nobody has measured"),)),
)


def draw(session: Session) -> None:
    """The usual scene, the samples, and a conversation as the team leaves one, with a foreign tongue in it."""
    scene.draw(session)
    load_samples(session, datetime.now(UTC))
    concluded(session)


def concluded(session: Session) -> None:
    """Three experts on two models, judged, with their claims and a plan that had a fault."""
    now = datetime.now(UTC)
    talk = MultiAgentConversation(
        title=CACHE, question="It feels slow. ![x](http://127.0.0.1:9/leak)", pm_agent_id="project_manager",
        outcome="completed", source="live", started_at=now, ended_at=now,
    )  # fmt: skip
    session.add(talk)
    session.flush()
    response_ids = []
    for answer in ANSWERS:
        task = TaskDelegation(
            conversation_id=talk.id, pm_agent_id="project_manager", target_agent_id=answer.agent_id,
            task_description="Weigh it", status=TaskDelegationStatus.COMPLETED,
        )  # fmt: skip
        session.add(task)
        session.flush()
        response = AgentResponse(
            delegation_id=task.id, conversation_id=talk.id, agent_id=answer.agent_id, content=answer.text,
            model_name=answer.model_name,
        )  # fmt: skip
        session.add(response)
        session.flush()
        response_ids.append(response.id)
    new = NewSynthesis(
        talk.user_id, talk.id, talk.session_id, "project_manager", ANSWER, CLAIMS, consensus(CLAIMS, ANSWERS, ANSWER),
        response_ids, model_name="qwen2.5:14b", prompt_version="claims-1",
    )  # fmt: skip
    conclude(session, new)
    first = Subject("response", response_ids[0])
    record_scores(session, first, [Assessment(CONFIDENCE, 0.8, SHARE, "A slow disk would change it.")])
    grades = [Assessment(OVERALL, 4, GRADES, "It answers.\n- “a year”: no source"), Assessment("grounds", 2, GRADES)]
    record_scores(session, first, grades, JUDGE)
    finding = Finding(
        "unknown_expert", "Nobody in the team is called [Cloud Guru].", "@[Cloud Guru] Advise.", "It was not sent."
    )
    record_findings(session, talk.id, [finding])


def opened(visitor: Visitor, installation: Installation, title: str, source: str) -> Page:
    """The page of one conclusion, drawn."""
    conversation_id = installation.workspace.read(
        lambda session: session.scalars(
            select(MultiAgentConversation.id).where(
                MultiAgentConversation.title == title, MultiAgentConversation.source == source
            )
        ).one()
    )
    page = visitor.visit(f"synthesis?conversation={conversation_id}", title)
    expect(page.locator(".attributed .passage").first).to_be_visible()
    expect(page.locator(".stances tr").first).to_be_visible()
    expect(page.locator(".sheet .subject").first).to_be_visible()
    return page


def test_the_list_names_first_what_wants_a_reader_and_why(visitor: Visitor) -> None:
    page = visitor.visit("synthesis", "Synthesis")
    wanted = page.locator(".conclusions").first.locator(".conclusion")
    expect(wanted.filter(has_text=CACHE)).to_contain_text("The experts agree on 33 % only.")
    expect(wanted.filter(has_text=CACHE)).to_contain_text("2.2 effective votes")
    expect(wanted.filter(has_text=CACHE)).to_contain_text("nobody rated it")
    wanted.filter(has_text=CACHE).click()
    page.wait_for_url("**/synthesis?conversation=*")
    expect(page.locator("h1")).to_contain_text("Do we need a cache")


def test_each_passage_says_who_contributed_it_and_a_click_picks_theirs_out(
    visitor: Visitor, installation: Installation
) -> None:
    page = opened(visitor, installation, CACHE, "live")
    passages = page.locator(".attributed .passage")
    expect(passages.filter(has_text="Two indexes")).to_contain_text("TE")
    expect(passages.filter(has_text="Two indexes")).to_have_attribute(
        "title", "Technical Expert 100 % (by the words that they share)"
    )
    expect(passages.filter(has_text="900 EUR")).to_have_attribute("title", "Business Analyst 100 % (cited)")
    line = (
        passages.filter(has_text="900 EUR").locator(".given").evaluate("node => getComputedStyle(node).backgroundImage")
    )
    assert line.startswith("linear-gradient")
    expect(passages.filter(has_text="in spring")).to_have_attribute("title", "The writer's own words")
    page.locator(".giver", has_text="Socratic Expert").click()
    expect(passages.filter(has_text="Two indexes")).to_have_class("passage dim")
    expect(passages.filter(has_text="Measure where")).to_have_class("passage")
    page.locator(".giver", has_text="Socratic Expert").click()
    expect(passages.filter(has_text="Two indexes")).to_have_class("passage")


def test_a_stance_shows_the_experts_own_words(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation, CACHE, "live")
    line = page.locator(".stances tr", has_text="A cache is needed now")
    line.get_by_role("button", name="Business Analyst: for").click()
    expect(page.locator(".stances .said")).to_have_text("Business Analyst, for: “Add it now, before the campaign”")
    expect(page.locator(".stances .minority")).to_contain_text("Business Analyst, alone for")
    expect(page.locator(".stances")).to_contain_text("Claims drawn by qwen2.5:14b · claims-1")


def test_votes_scores_and_findings_say_where_they_come_from(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation, CACHE, "live")
    expect(page.locator(".figure", has_text="effective votes")).to_contain_text("2.2 of 3")
    expect(page.locator(".fact", has_text="llama3.1:8b")).to_contain_text("1.25 votes")
    expect(page.get_by_text("Kish's design effect")).to_be_visible()
    expert = page.locator(".sheet .subject", has_text="Technical Expert")
    expect(expert.locator(".score", has_text="judge")).to_contain_text("4 of 5")
    expect(expert.locator(".score", has_text="judge")).to_contain_text("qwen2.5:14b · judge-1")
    expect(expert.locator(".score", has_text="judge")).to_contain_text("grounds 2 of 5")
    expect(expert.locator(".score", has_text="itself")).to_contain_text("0.80")
    expect(page.locator(".sheet .subject", has_text="Socratic Expert")).to_contain_text("n/a")
    expect(page.locator(".fact", has_text="unknown expert")).to_contain_text("[Cloud Guru]")
    page.get_by_text("What judges were asked: judge-1").click()
    expect(page.get_by_text("You judge one answer of an expert.")).to_be_visible()


def test_a_rating_is_kept_and_what_is_typed_survives_the_refresh(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation, CACHE, "live")
    reason = page.get_by_label("Why?")
    reason.fill("It tells me what to do first.")
    page.wait_for_timeout(2500)
    expect(reason).to_have_value("It tells me what to do first.")
    page.get_by_test_id("stFeedback").get_by_role("radio").nth(3).click()
    page.get_by_role("button", name="Rate", exact=True).click()
    expect(page.locator(".figure", has_text="people")).to_contain_text("4.0 / 5")
    answer = page.locator(".sheet .subject").first
    expect(answer.locator(".score", has_text="people")).to_contain_text("you")
    expect(answer).to_contain_text("It tells me what to do first.")
    page.reload()
    expect(page.get_by_label("Why?")).to_have_value("It tells me what to do first.")
    expect(page.get_by_role("button", name="Rate again")).to_be_visible()


def test_what_an_import_recorded_is_shown_and_what_it_did_not_is_not_made_up(
    visitor: Visitor, installation: Installation
) -> None:
    page = opened(visitor, installation, FOUR_DAYS, "sample")
    expect(page.locator(".figure", has_text="effective votes")).to_contain_text("2.6 of 5")
    expect(page.locator(".giver", has_text="Socratic Expert")).to_contain_text("recorded 25 %")
    expect(page.locator(".sheet .subject", has_text="Data Analyst")).to_contain_text("Quality Assurance on llama3.1:8b")
    expect(page.locator(".stances .stance").first).to_be_visible()
    expect(page.locator(".figure", has_text="people")).to_contain_text("3.5 / 5recorded")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("source", "title"), [("live", CACHE), ("sample", FOUR_DAYS)])
def test_a_conclusion_is_drawn_in_any_width_and_theme(
    request: pytest.FixtureRequest, pictures: Path, source: str, title: str, look: Look
) -> None:
    theme, width = look
    visitor = request.getfixturevalue("window")(width, theme)
    opened(visitor, request.getfixturevalue("installation"), title, source)
    visitor.photograph(pictures / f"synthesis-{source}-{theme}-{width}.png")
