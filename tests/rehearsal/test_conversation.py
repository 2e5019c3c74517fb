"""What the rehearsal answers to each prompt of a team."""

from dataclasses import replace

from helios_core.rehearsal.behaviour import Behaviour
from helios_core.runtime import prompts
from helios_core.runtime.answers import read_answer
from helios_core.runtime.claims import read_claims
from helios_core.runtime.directives import parse_plan
from helios_core.runtime.quality import Review, read_judgement, read_review
from helios_core.runtime.requirements import check_requirements
from tests.rehearsal.conversation import TEAM, rehearsed, structured, told

QUESTION = "Should we move our nightly reports to a streaming pipeline, or keep the batch jobs?"
SMOOTH = Behaviour(pace=0, broken_share=0, failing_share=0, careless_share=0, returned_share=0)
PM = "You are the Project Manager."


def test_a_plan_addresses_the_team_with_checkable_requirements() -> None:
    plan = told(QUESTION, SMOOTH).plan
    assert plan.findings == ()
    assert len(plan.directives) >= 3
    assert len({directive.agent_id for directive in plan.directives}) == len(plan.directives)
    assert all(directive.requirements for directive in plan.directives)
    assert any(directive.depends_on for directive in plan.directives)
    assert "nightly reports" in "".join(directive.text for directive in plan.directives)


def test_a_careless_plan_addresses_nobody_and_is_mended_when_told() -> None:
    careless = replace(SMOOTH, careless_share=1)
    plan = told(QUESTION, careless).plan
    assert [finding.kind for finding in plan.findings] == ["unknown_expert"]
    again = rehearsed(prompts.plan(PM, QUESTION, TEAM, findings=plan.findings), careless)
    assert "Legal Counsel" not in again


def test_experts_answer_in_the_form_of_the_team_and_speak_to_each_requirement() -> None:
    found = told(QUESTION, SMOOTH)
    for directive, response in zip(found.plan.directives, found.responses, strict=True):
        answer = read_answer(response.text)
        assert answer.grounds is not None
        assert "rehearsal" in answer.grounds
        assert answer.confidence is not None
        assert check_requirements(directive.requirements, answer).dropped == ()
        assert "My recommendation on" in answer.answer
        assert "The largest risk for" in answer.answer


def test_answers_differ_by_question_and_by_expert() -> None:
    texts = {response.text for response in told(QUESTION, SMOOTH).responses}
    other = {response.text for response in told("How do we halve the waiting time at our clinic?", SMOOTH).responses}
    assert len(texts) >= 3
    assert not texts & other
    assert any("clinic" in text for text in other)


def test_experts_disagree_and_their_stances_can_be_proved() -> None:
    responses = told(QUESTION, SMOOTH).responses
    found = read_claims(structured(prompts.claims(QUESTION, responses), SMOOTH), responses)
    assert found.rejected == ()
    positions = [{stance.position for stance in claim.stances} for claim in found.claims]
    assert any(len(held) > 1 for held in positions)
    agreed = replace(SMOOTH, dissent_share=0)
    unanimous = told(QUESTION, agreed).responses
    claims = read_claims(structured(prompts.claims(QUESTION, unanimous), agreed), unanimous).claims
    assert {stance.position for claim in claims for stance in claim.stances} == {"for"}


def test_a_judge_grades_and_says_why() -> None:
    found = told(QUESTION, SMOOTH)
    judged = structured(prompts.judge(found.plan.directives[0], found.responses[0].text), SMOOTH)
    assessments = read_judgement(judged)
    assert len(assessments) == 1 + len(prompts.CRITERIA)
    assert "rehearsal" in (assessments[0].explanation or "")


def test_a_synthesis_names_who_holds_what_and_what_is_missing() -> None:
    responses = told(QUESTION, SMOOTH).responses
    text = rehearsed(prompts.synthesis(PM, QUESTION, responses, missing=["The figures"]), SMOOTH)
    assert all(f"[{response.name}]" in text for response in responses)
    assert "The figures" in text


def test_a_review_sends_back_once() -> None:
    strict = replace(SMOOTH, returned_share=1)
    found = told(QUESTION, strict)

    def reviewed(synthesis: str) -> Review | None:
        ask = prompts.review(PM, QUESTION, found.plan.directives, found.responses, synthesis)
        return read_review(structured(ask, strict))

    first = reviewed(rehearsed(prompts.synthesis(PM, QUESTION, found.responses), strict))
    assert first is not None
    assert first.sends_back
    second = reviewed(rehearsed(prompts.synthesis(PM, QUESTION, found.responses, changes=first.changes), strict))
    assert second is not None
    assert second.verdict == "pass"


def test_a_plan_for_a_change_asks_for_that_alone() -> None:
    sent = told(QUESTION, SMOOTH).plan.directives
    ask = prompts.plan(PM, QUESTION, TEAM, earlier=sent, changes=["Say in which order the steps come."])
    plan = parse_plan(structured(ask, SMOOTH), TEAM, pm_agent_id="project_manager", earlier=sent)
    assert len(plan.directives) == 1
    assert plan.findings == ()
    assert "order" in plan.directives[0].task


def test_a_plan_can_be_text() -> None:
    ask = replace(prompts.plan(PM, QUESTION, TEAM), schema=None)
    plan = parse_plan(rehearsed(ask, SMOOTH), TEAM, pm_agent_id="project_manager")
    assert plan.findings == ()
    assert plan.directives == told(QUESTION, SMOOTH).plan.directives


def test_the_same_seed_answers_the_same_and_another_differently() -> None:
    ask = prompts.plan(PM, QUESTION, TEAM)
    assert rehearsed(ask, SMOOTH) == rehearsed(ask, SMOOTH)
    assert rehearsed(ask, SMOOTH) != rehearsed(ask, replace(SMOOTH, seed=1))
