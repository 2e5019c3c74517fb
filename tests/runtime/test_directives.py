"""A Project Manager's plan becomes directives and findings; nothing of it is lost in silence."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.runtime.directives import MAX_DIRECTIVES, Directive, Member, Plan, parse_plan
from helios_core.runtime.plans import START, compose
from helios_core.services.team import default_team
from tests.ingest.real_files import MAGENTIC_ONE, needs_real_files, text_of

PM = "project_manager"
TEAM = tuple(Member(one.agent_id, one.display_name, one.description) for one in default_team())
EXPERTS = [member for member in TEAM if member.agent_id != PM]
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=60
).filter(lambda text: any(character.isalnum() for character in text))
NOT_SENT = ("unknown_expert", "addressed_itself", "empty_directive", "repeated_directive", "too_many_directives")


def plan(answer: str | dict[str, object], earlier: tuple[Directive, ...] = ()) -> Plan:
    return parse_plan(answer, TEAM, pm_agent_id=PM, earlier=earlier)


def kinds(found: Plan) -> list[str]:
    return [finding.kind for finding in found.findings]


def test_directives_begin_lines_and_keep_every_other_at_sign() -> None:
    found = plan(
        "Two views at once.\n\n"
        "@[Technical Expert] Write to ops@example.org and read this:\n"
        "```python\n@cache\ndef f(): ...\n```\n"
        "Context: three hosts @ 2 sites\n"
        "Requirements:\n- name each way in which a job is lost\n- say what @Transactional does\n\n"
        "- **@[data analyst]** Count interruptions.\n"
        "  Depends on: [Technical Expert]\n"
    )
    assert found.summary == "Two views at once."
    assert kinds(found) == []
    expert, analyst = found.directives
    assert expert.agent_id == "technical_expert"
    assert expert.task.startswith("Write to ops@example.org")
    assert "@cache" in expert.task
    assert expert.context == "three hosts @ 2 sites"
    assert expert.requirements == ("name each way in which a job is lost", "say what @Transactional does")
    assert (analyst.agent_id, analyst.task, analyst.depends_on) == ("data_analyst", "Count interruptions.", (0,))
    assert analyst.text.startswith("@[Data Analyst] Count interruptions.")


def test_a_structured_plan_says_the_same_as_one_in_words() -> None:
    items = [
        {
            "expert": "Research Specialist",
            "task": "Find the price history.",
            "context": "",
            "requirements": ["90 days"],
            "depends_on": [],
        },
        {
            "expert": "Data Analyst",
            "task": "Compare.",
            "context": "c",
            "requirements": [],
            "depends_on": ["Research Specialist"],
        },
    ]
    structured: dict[str, object] = {"summary": "Prices.", "directives": items}
    in_words = "Prices.\n" + "\n".join(
        compose(str(i["expert"]), str(i["task"]), str(i["context"]), i["requirements"], i["depends_on"]) for i in items
    )
    assert plan(structured) == plan(json.dumps(structured)) == plan(f"```json\n{json.dumps(structured)}\n```")
    assert plan(structured) == plan(in_words)
    assert plan(structured).waves() == ((0,), (1,))


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("@[Cloud Guru] Advise.", "unknown_expert", "Nobody in the team is called [Cloud Guru]."),
        ("@[Data Analist] Count.", "unknown_expert", "Did you mean [Data Analyst]?"),
        ("@[Data Analyst Count the jobs.", "unknown_expert", "[Data Analyst Count the jobs.]"),
        ("@[Project Manager] Think.", "addressed_itself", "addressed itself"),
        ("@[Data Analyst]\nRequirements:\n- a figure", "empty_directive", "asks for nothing"),
        ("@[Data Analyst] …", "empty_directive", "asks for nothing"),
        (
            "@[Data Analyst] Count the jobs.\n@[Data Analyst] count THE jobs!",
            "repeated_directive",
            "was given this task before",
        ),
        ("@[Data Analyst] Count.\nDepends on: [Socratic Expert]", "unmet_dependency", "who has no task"),
        ("@[Data Analyst] Count.\nDepends on: [Nobody Known]", "unmet_dependency", "[Nobody Known]"),
        ("@[Data Analyst] Count. @[Socratic Expert] Doubt.", "inline_mention", "[Socratic Expert] is named"),
        ("@[Data Analyst] Count.\n@Socratic Expert: doubt.", "inline_mention", "[Socratic Expert] is named"),
    ],
)
def test_what_cannot_be_taken_as_written_is_found_and_answered(text: str, kind: str, says: str) -> None:
    found = [finding for finding in plan(text).findings if finding.kind == kind]
    assert found
    assert says in found[0].sentence
    assert all(finding.effect and finding.excerpt for finding in found)


def test_experts_who_wait_for_each_other_are_sent_without_the_circle() -> None:
    found = plan(
        "@[Data Analyst] Count.\nDepends on: [Technical Expert]\n"
        "@[Technical Expert] Assess.\nDepends on: [Socratic Expert]\n"
        "@[Socratic Expert] Doubt.\nDepends on: [Data Analyst]"
    )
    assert kinds(found) == ["ping_pong"]
    assert [directive.depends_on for directive in found.directives] == [(1,), (2,), ()]
    assert found.waves() == ((2,), (1,), (0,))


def test_what_was_sent_before_is_not_sent_once_more() -> None:
    first = plan("@[Data Analyst] Count the jobs of last week.")
    again = plan("@[Data Analyst] Count the jobs of last week!\n@[Data Analyst] Plot them.", first.directives)
    assert kinds(again) == ["repeated_directive"]
    assert [directive.task for directive in again.directives] == ["Plot them."]


def test_a_plan_of_the_wrong_shape_keeps_what_can_be_read() -> None:
    broken: dict[str, object] = {
        "directives": [{"expert": "Data Analyst"}, 7, {"expert": "Data Analyst", "task": "Count."}]
    }
    assert kinds(plan(broken)) == ["unreadable_plan", "unreadable_plan"]
    assert len(plan(broken).directives) == 1
    assert kinds(plan({"directives": "all of them"})) == ["unreadable_plan"]
    assert plan("No expert is needed: 4.") == Plan((), (), "No expert is needed: 4.")


@given(st.lists(st.tuples(st.sampled_from(EXPERTS), WORDS, st.lists(WORDS, max_size=3)), max_size=MAX_DIRECTIVES + 3))
def test_every_directive_is_sent_or_found(drafts: list[tuple[Member, str, list[str]]]) -> None:
    text = "\n".join(compose(member.display_name, task, None, [*asked], []) for member, task, asked in drafts)
    found = plan(text)
    started = [line for line in text.splitlines() if START.match(line)]
    refused = [finding for finding in found.findings if finding.kind in NOT_SENT]
    assert len(found.directives) + len(refused) == len(started)
    assert len(found.directives) <= MAX_DIRECTIVES


@given(st.sampled_from(EXPERTS), WORDS, st.lists(WORDS, max_size=3, unique=True))
def test_a_directive_comes_through_with_its_words(member: Member, task: str, asked: list[str]) -> None:
    found = plan({"summary": "", "directives": [
        {"expert": member.display_name, "task": task, "context": "", "requirements": asked, "depends_on": []}
    ]})  # fmt: skip
    (directive,) = found.directives
    assert directive.task == task.strip()
    assert set(directive.requirements) == {requirement.strip() for requirement in asked}
    assert directive.text.startswith(f"@[{member.display_name}] {task.strip()}")


@given(st.text(max_size=400))
def test_no_text_breaks_the_reading(text: str) -> None:
    found = plan(text)
    assert all(directive.agent_id != PM for directive in found.directives)


KEYS = st.sampled_from(["expert", "task", "depends_on", "requirements"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["directives", "summary", "x"]), JSON))
def test_no_structure_breaks_the_reading(structured: dict[str, object]) -> None:
    found = plan(structured)
    assert sorted(place for wave in found.waves() for place in wave) == [*range(len(found.directives))]


@given(st.lists(st.lists(st.sampled_from(EXPERTS), max_size=3), min_size=1, max_size=MAX_DIRECTIVES))
def test_nobody_waits_for_what_comes_later(waits: list[list[Member]]) -> None:
    items = [
        {
            "expert": EXPERTS[place].display_name,
            "task": f"Task {place}",
            "depends_on": [other.display_name for other in others],
        }
        for place, others in enumerate(waits)
    ]  # fmt: skip
    found = plan({"directives": items})
    order = {place: wave for wave, places in enumerate(found.waves()) for place in places}
    assert len(order) == len(found.directives) == len(items)
    for place, directive in enumerate(found.directives):
        assert all(order[other] < order[place] for other in directive.depends_on)


@needs_real_files
def test_texts_of_real_orchestrators_are_read_whole() -> None:
    for path in MAGENTIC_ONE:
        for turn in json.loads(text_of(path))["history"]:
            said = turn["content"]
            expert = re.match(r"Orchestrator \(-> (\w+)\)", turn["role"])
            directive = f"@[{expert[1] if expert else 'Nobody'}] {said}"
            found = parse_plan(directive, (Member("web", "WebSurfer"), Member("files", "FileSurfer")), pm_agent_id=PM)
            assert len(found.directives) == 1 or found.findings
            for one in found.directives:
                assert one.task.split()[:5] == said.split()[:5] or said.strip() == ""
