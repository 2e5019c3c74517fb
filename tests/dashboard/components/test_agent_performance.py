"""The chart of an agent's answers: what it shows, and when it stays away."""

from datetime import UTC, datetime

from dashboard.components.agent_performance import answer_chart
from helios_core.views.agents import FEW_ANSWERS, Answer


def answer(model: str | None = "llama3.1:8b", tokens: int | None = 100, seconds: float | None = 5.0) -> Answer:
    return Answer(
        created_at=datetime(2026, 3, 29, tzinfo=UTC),
        conversation_id=1,
        delegation_id=1,
        model_name=model,
        response_seconds=seconds,
        output_tokens=tokens,
        tokens_per_second=None,
        quality_score=None,
        confidence_score=None,
    )


def test_every_answer_that_was_measured_is_a_dot_in_its_models_colour() -> None:
    answers = (*[answer() for _ in range(3)], *[answer("phi4:14b", 200, 9.0) for _ in range(2)], answer(seconds=None))
    figure = answer_chart(answers)
    assert figure is not None
    assert {trace.name: len(trace.x) for trace in figure.data} == {"llama3.1:8b": 3, "phi4:14b": 2}
    assert len({trace.marker.color for trace in figure.data}) == 2


def test_too_few_answers_are_no_picture() -> None:
    assert answer_chart(tuple(answer() for _ in range(FEW_ANSWERS - 1))) is None
    assert answer_chart(tuple(answer(tokens=None) for _ in range(20))) is None


def test_a_name_is_only_a_name() -> None:
    figure = answer_chart(tuple(answer('<a href="http://example.org">x</a>') for _ in range(FEW_ANSWERS)))
    assert figure is not None
    assert "<" not in figure.data[0].name
