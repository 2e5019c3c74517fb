"""The gpus page."""

from dashboard.chrome import header

header("gpus", ranges=True)
