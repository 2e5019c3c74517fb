"""A conversation as its worker leads it: dependencies, retries, findings, review, and how it can fail."""

from collections import Counter

from helios_core.services import runs
from helios_core.services.workers import LEASE_SECONDS
from helios_core.views.runs import Progress, progress
from tests.chaos.history import PHASES
from tests.chaos.model_server import ModelServer
from tests.chaos.team import Team


def carried(team: Team) -> Progress:
    """A conversation, when it has ended."""
    conversation = team.start_conversation()
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(60)
    return team.mine.read(lambda session: progress(session, conversation))


def test_a_task_waits_for_what_it_depends_on(team: Team) -> None:
    first, _, last = carried(team).tasks
    assert first.completed_at is not None
    assert last.started_at is not None
    assert last.started_at >= first.completed_at
    told = [call for call in team.models.calls if call.purpose == "answer" and call.task == last.description]
    assert "Yes, to be sure." in told[0].said


def test_a_failed_attempt_is_made_again(team: Team, models: ModelServer) -> None:
    models.fails = 1
    ended = carried(team)
    assert ended.outcome == "completed"
    assert sorted(task.status for task in ended.tasks) == ["completed", "completed", "completed", "failed"]
    [again] = [task for task in ended.tasks if task.retry_of is not None]
    assert again.attempt == 2
    assert [task.error_message for task in ended.tasks if task.status == "failed"] == ["Ollama failed: out of memory"]


def test_who_gets_no_answer_at_all_says_so(team: Team, models: ModelServer) -> None:
    with team.owner.begin() as connection:
        connection.exec_driver_sql("UPDATE agent_configurations SET max_retries = 0")
    models.fails = 10
    ended = carried(team)
    assert (ended.outcome, ended.outcome_reason) == ("failed", "No expert answered.")


def test_a_plan_that_addresses_nobody_is_answered_and_made_again(team: Team, models: ModelServer) -> None:
    models.careless = 1
    ended = carried(team)
    assert ended.outcome == "completed"
    assert len(ended.tasks) == 3
    assert [call.purpose for call in models.calls[:2]] == ["plan", "plan"]
    assert "Nobody in the team is called [The Oracle]." in models.calls[1].said
    assert team.ask("SELECT kind FROM conversation_findings")[0] == ("unknown_expert",)


def test_a_review_may_send_back_once(team: Team, models: ModelServer) -> None:
    models.returns = 2
    ended = carried(team)
    assert ended.outcome == "completed"
    assert ended.phases[-5:] == ("delegation", "processing", "synthesis", "review", "completion") or (
        ended.phases[-4:] == ("delegation", "synthesis", "review", "completion")
    )
    assert team.ask("SELECT count(*) FROM task_synthesis") == [(2,)]
    [wanted] = [call for call in models.calls if call.purpose == "plan"][1:2]
    assert "Say why." in wanted.said


def test_where_nobody_reviews_and_no_card_is_needed_all_phases_are_gone_through_just_the_same(team: Team) -> None:
    with team.owner.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE agent_configurations SET is_enabled = agent_id <> 'quality_assurance', gpu_assignment = NULL"
        )
    ended = carried(team)
    assert (ended.outcome, ended.phases) == ("completed", tuple(PHASES))
    assert all(task.started_at is not None for task in ended.tasks)
    checks = team.ask("SELECT checkpoint_type, status FROM validation_checkpoints ORDER BY id")
    assert checks[-1] == ("review", "skipped")
    linked = "SELECT node_type FROM consensus_memory_nodes WHERE id IN (SELECT consensus_node_id FROM task_synthesis)"
    assert team.ask(linked) == [("synthesis",)]
    assert team.ask("SELECT count(*) FROM consensus_memory_nodes WHERE node_type = 'synthesis'") == [(1,)]
    assert team.history.left_over == dict.fromkeys(team.history.left_over, 0)


def test_nobody_plans_where_the_project_manager_is_switched_off(team: Team) -> None:
    with team.owner.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE agent_configurations SET is_enabled = false WHERE agent_id = 'project_manager'"
        )
    ended = carried(team)
    assert (ended.outcome, ended.state) == ("failed", "ended")
    assert "switched off" in (ended.outcome_reason or "")


def test_only_the_chosen_experts_are_addressed(team: Team) -> None:
    chosen = ["data_analyst", "technical_expert"]
    conversation = team.mine.act(
        lambda session: runs.start_conversation(session, "Question 1? We ask.", agent_ids=chosen)
    )
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(60)
    ended = team.mine.read(lambda session: progress(session, conversation))
    assert {task.agent_id for task in ended.tasks} == set(chosen)


def findings(team: Team) -> dict[str, int]:
    """How many of each kind were kept."""
    return dict(team.ask("SELECT kind, count(*) FROM conversation_findings GROUP BY kind"))


def test_what_is_not_in_its_form_is_asked_for_once_more_and_then_noted(team: Team, models: ModelServer) -> None:
    models.misshapen = frozenset({"judge", "claims", "review"})
    ended = carried(team)
    assert ended.outcome == "completed"
    assert findings(team) == {"unreadable_judgement": 3, "unreadable_claims": 1, "unreadable_review": 1}
    asked = Counter(call.purpose for call in models.calls)
    assert (asked["judge"], asked["claims"], asked["review"]) == (6, 2, 2)
    assert "'verdict' is a required property" in [call.said for call in models.calls if call.purpose == "review"][1]
    assert team.ask("SELECT status FROM validation_checkpoints WHERE checkpoint_type = 'review'") == [("skipped",)]


def test_a_plan_in_words_is_read_as_that(team: Team, models: ModelServer) -> None:
    models.in_words = True
    ended = carried(team)
    assert ended.outcome == "completed"
    assert len(ended.tasks) == 3
    assert findings(team) == {"misshapen_plan": 1}
    assert [call.purpose for call in models.calls].count("plan") == 2


def test_a_plan_that_says_nothing_ends_with_its_fault(team: Team, models: ModelServer) -> None:
    models.misshapen = frozenset({"plan"})
    ended = carried(team)
    assert ended.outcome == "failed"
    assert "'summary' is a required property" in (ended.outcome_reason or "")


def test_a_conversations_priority_is_that_of_its_tasks_too(team: Team) -> None:
    with team.owner.begin() as connection:
        connection.exec_driver_sql("UPDATE agent_configurations SET priority = 4")
    team.start_conversation(priority=2)
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(60)
    assert team.ask("SELECT DISTINCT priority FROM task_delegations") == [(1,)]
