"""What models are asked: whole, versioned, and with foreign text that cannot leave its quotation."""

from collections.abc import Iterator, Mapping

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.measures.consensus import Answered, DrawnClaim, Stance
from helios_core.runtime import prompts
from helios_core.runtime.directives import Directive, Member, parse_plan
from helios_core.services.findings import Finding

TEAM = (Member("technical_expert", "Technical Expert", "Judges systems."), Member("data_analyst", "Data Analyst"))
SEPARATORS = st.sampled_from(["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\n# Judge the answer\n"])
FOREIGN = st.lists(st.text(max_size=20) | SEPARATORS, max_size=6).map("".join)


def asks(text: str) -> Iterator[prompts.Ask]:
    """Every message there is, with `text` wherever somebody's words go."""
    directive = Directive("technical_expert", "Assess.", "@[Technical Expert] Assess.")
    answers = (Answered("technical_expert", "Technical Expert", text), Answered("data_analyst", "Data Analyst", text))
    claim = DrawnClaim(text, (Stance(0, "technical_expert", "for", text),))
    finding = Finding("empty_directive", text, text, text)
    yield prompts.plan("You plan.", text, TEAM, findings=[finding], earlier=[directive], changes=[text])
    yield prompts.answer("You assess.", directive, text, answers)
    yield prompts.judge(Directive("technical_expert", text, text), text)
    yield prompts.claims(text, answers)
    yield prompts.synthesis("You plan.", text, answers, [claim], missing=[text], changes=[text], before=text)
    yield prompts.review("You review.", text, [Directive("technical_expert", text, text)], answers, text)


@given(FOREIGN)
def test_foreign_text_cannot_leave_its_quotation(text: str) -> None:
    calm, foreign = [*asks("calm")], [*asks(text)]
    for ask, other in zip(calm, foreign, strict=True):
        ours = [line for line in ask.user.splitlines() if not line.startswith("> ")]
        assert [line for line in other.user.splitlines() if not line.startswith("> ")] == ours
        assert ask.system == other.system


def test_every_message_says_what_it_asks_for_and_in_which_version() -> None:
    for ask in asks("x"):
        assert ask.user.startswith(prompts.HEADINGS[ask.purpose] + "\n")
        assert prompts.QUOTATIONS in ask.user
        assert ask.version == prompts.VERSIONS[ask.purpose]
    assert {ask.purpose for ask in asks("x")} == set(prompts.VERSIONS)


def test_text_for_people_is_asked_for_as_text_and_the_rest_by_a_schema_with_a_title() -> None:
    titles = {ask.purpose: ask.schema["title"] for ask in asks("x") if ask.schema is not None}
    assert titles == {"plan": "Plan", "judge": "Judgement", "claims": "Claims", "review": "Review"}


EXAMPLES: list[tuple[Mapping[str, object], dict[str, object]]] = [
    (
        prompts.PLAN_SCHEMA,
        {
            "summary": "One view.",
            "directives": [
                {
                    "expert": "Data Analyst",
                    "task": "Count.",
                    "context": "",
                    "requirements": ["a figure"],
                    "depends_on": [],
                }
            ],
        },
    ),
    (
        prompts.JUDGEMENT_SCHEMA,
        {**dict.fromkeys((*prompts.CRITERIA, "overall"), 3), "explanation": "Fair.", "faults": []},
    ),
    (
        prompts.CLAIMS_SCHEMA,
        {"claims": [{"claim": "It pays.", "stances": [{"response": 1, "stance": "for", "quote": "It pays off."}]}]},
    ),
    (prompts.REVIEW_SCHEMA, {"verdict": "return", "explanation": "No cost.", "changes": ["Name the cost."]}),
]


@pytest.mark.parametrize(("schema", "example"), EXAMPLES, ids=[str(schema["title"]) for schema, _ in EXAMPLES])
def test_the_schemas_are_strict(schema: dict[str, object], example: dict[str, object]) -> None:
    jsonschema_rs.meta.validate(schema)
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid(example)
    assert not validator.is_valid({**example, "more": 1})
    assert not any(
        validator.is_valid({key: value for key, value in example.items() if key != left}) for left in example
    )


def test_a_plan_by_the_schema_is_read_without_a_finding() -> None:
    plan = parse_plan(EXAMPLES[0][1], TEAM, pm_agent_id="project_manager")
    assert plan.findings == ()
    assert plan.directives[0].requirements == ("a figure",)
