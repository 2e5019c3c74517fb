"""Scores and who gave them, the claims that a synthesis rests on, where experts stand, and what a plan had wrong."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from helios_core.models.base import Base, BigId, CreatedAt, Owned, UpdatedAt
from helios_core.models.conversations import of_conversation
from helios_core.models.enums import ModelProvider, native


def of_synthesis() -> ForeignKeyConstraint:
    """The key that ties a user's row to a synthesis of the same user."""
    return ForeignKeyConstraint(
        ["user_id", "synthesis_id"], ["task_synthesis.user_id", "task_synthesis.id"], ondelete="CASCADE"
    )


class JudgeModel(Owned, Base):
    """A model that judges a user's answers, by one version of one prompt, whose text is kept."""

    __tablename__ = "judge_models"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        UniqueConstraint("user_id", "model_provider", "model_name", "prompt_version", name="uq_judge_models_prompt"),
    )

    id: Mapped[BigId]
    model_provider: Mapped[ModelProvider] = mapped_column(native(ModelProvider))
    model_name: Mapped[str] = mapped_column(Text)
    prompt_version: Mapped[str] = mapped_column(Text)
    prompt: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]


class QualityScore(Owned, Base):
    """One score of one response or synthesis, on a scale of its own.

    `source`: the expert itself, a judge model, or a person, whose id stays while there is such a user.
    """

    __tablename__ = "quality_scores"
    __table_args__ = (
        of_conversation(),
        of_synthesis(),
        ForeignKeyConstraint(
            ["user_id", "response_id"], ["agent_responses.user_id", "agent_responses.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["user_id", "judge_id"], ["judge_models.user_id", "judge_models.id"], ondelete="CASCADE"),
        CheckConstraint("num_nonnulls(response_id, synthesis_id) = 1", name="subject"),
        CheckConstraint("source IN ('self', 'judge', 'person')", name="source"),
        CheckConstraint("(source = 'judge') = (judge_id IS NOT NULL)", name="judge_id"),
        CheckConstraint("source = 'person' OR rater_id IS NULL", name="rater_id"),
        CheckConstraint("scale_low < scale_high", name="scale"),
        CheckConstraint("value BETWEEN scale_low AND scale_high", name="value"),
        Index("uq_quality_scores_model", "user_id", "response_id", "synthesis_id", "judge_id", "criterion",
              unique=True, postgresql_nulls_not_distinct=True, postgresql_where=text("source <> 'person'")),
        Index("uq_quality_scores_person", "user_id", "response_id", "synthesis_id", "rater_id", "criterion",
              unique=True, postgresql_nulls_not_distinct=True, postgresql_where=text("rater_id IS NOT NULL")),
        Index("ix_quality_scores_people", "user_id", "id", postgresql_where=text("source = 'person'")),
        Index("ix_quality_scores_people_id", "id", postgresql_where=text("source = 'person'")),
        Index(None, "user_id", "conversation_id"),
        Index(None, "conversation_id"),
        Index(None, "response_id"),
        Index(None, "synthesis_id"),
        Index(None, "judge_id"),
        Index(None, "rater_id"),
    )  # fmt: skip

    id: Mapped[BigId]
    conversation_id: Mapped[int | None] = mapped_column(BigInteger)
    response_id: Mapped[int | None] = mapped_column(BigInteger)
    synthesis_id: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(Text)
    judge_id: Mapped[int | None] = mapped_column(BigInteger)
    rater_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="SET NULL"))
    criterion: Mapped[str] = mapped_column(Text, server_default="overall")
    value: Mapped[float] = mapped_column(Float)
    scale_low: Mapped[float] = mapped_column(Float)
    scale_high: Mapped[float] = mapped_column(Float)
    explanation: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class SynthesisClaim(Owned, Base):
    """A claim that a synthesis rests on, with the model that drew it from the responses."""

    __tablename__ = "synthesis_claims"
    __table_args__ = (
        of_synthesis(),
        UniqueConstraint("user_id", "id"),
        UniqueConstraint("user_id", "synthesis_id", "position"),
        CheckConstraint("position >= 0", name="position"),
        Index(None, "synthesis_id"),
    )

    id: Mapped[BigId]
    synthesis_id: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(Integer)
    content: Mapped[str] = mapped_column(Text)
    model_name: Mapped[str | None] = mapped_column(Text)
    prompt_version: Mapped[str | None] = mapped_column(Text)


class ClaimStance(Owned, Base):
    """Where one expert stands on one claim, with the expert's own words."""

    __tablename__ = "claim_stances"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "claim_id"], ["synthesis_claims.user_id", "synthesis_claims.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["user_id", "response_id"],
            ["agent_responses.user_id", "agent_responses.id"],
            ondelete="SET NULL (response_id)",
        ),
        CheckConstraint("stance IN ('for', 'against', 'qualified')", name="stance"),
        Index(None, "user_id", "claim_id"),
        Index(None, "response_id"),
    )

    claim_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    agent_id: Mapped[str] = mapped_column(Text, primary_key=True)
    response_id: Mapped[int | None] = mapped_column(BigInteger)
    stance: Mapped[str] = mapped_column(Text)
    quote: Mapped[str | None] = mapped_column(Text)


class ConversationFinding(Owned, Base):
    """Something wrong that was seen in a conversation's plans and answers, and what was done about it."""

    __tablename__ = "conversation_findings"
    __table_args__ = (
        of_conversation(),
        ForeignKeyConstraint(
            ["user_id", "delegation_id"],
            ["task_delegations.user_id", "task_delegations.id"],
            ondelete="SET NULL (delegation_id)",
        ),
        CheckConstraint("kind ~ '^[a-z][a-z0-9_]{0,62}$'", name="kind"),
        Index(None, "user_id", "conversation_id"),
        Index(None, "conversation_id"),
        Index(None, "delegation_id"),
    )

    id: Mapped[BigId]
    conversation_id: Mapped[int] = mapped_column(BigInteger)
    delegation_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    sentence: Mapped[str] = mapped_column(Text)
    excerpt: Mapped[str] = mapped_column(Text)
    effect: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
