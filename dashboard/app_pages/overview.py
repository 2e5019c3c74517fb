"""The overview page."""

from dashboard.chrome import header

header("overview", ranges=True)
