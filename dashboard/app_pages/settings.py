"""The settings page."""

from dashboard.chrome import header

header("settings", ranges=True)
