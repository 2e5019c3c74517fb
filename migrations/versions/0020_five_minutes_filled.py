"""Five minutes, filled: those rollups of the time before there were any, made of those of a minute.

Nothing waits for it: it only adds rows, in a transaction of its own.

Revision ID: five_minutes_filled
Revises: five_minutes
"""

from helios_core.database.revisions import execute

revision = "five_minutes_filled"
down_revision = "five_minutes"
branch_labels = None
depends_on = None

MEANS = (
    "utilization_percent_avg",
    "memory_used_mb_avg",
    "temperature_celsius_avg",
    "power_watts_avg",
    "sm_clock_mhz_avg",
    "memory_clock_mhz_avg",
    "fan_percent_avg",
)
HIGHEST = ("utilization_percent_max", "memory_used_mb_max", "temperature_celsius_max", "power_watts_max")


def upgrade() -> None:
    """Each minute weighs as many samples as it has; what is there already stays."""
    values = {
        **{mean: f"sum({mean} * sample_count) / sum(sample_count) FILTER (WHERE {mean} IS NOT NULL)" for mean in MEANS},
        **{highest: f"max({highest})" for highest in HIGHEST},
        "sample_count": "sum(sample_count)",
        "throttle_reasons": "bit_or(throttle_reasons)",
    }
    execute(f"""
INSERT INTO gpu_sample_rollups (resolution_seconds, gpu_id, bucket_at, {", ".join(values)})
SELECT 300, gpu_id, date_bin('5 minutes', bucket_at, TIMESTAMPTZ 'epoch'), {", ".join(values.values())}
FROM gpu_sample_rollups WHERE resolution_seconds = 60
GROUP BY 2, 3
ON CONFLICT DO NOTHING
""")  # noqa: S608 (our own names)


def downgrade() -> None:
    """They go with the room for them."""
