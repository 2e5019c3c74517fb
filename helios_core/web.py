"""How the dashboard's process is started: as a command, never imported."""

import sys
from pathlib import Path

from helios_core.settings import bundled


def web_command(port: int) -> list[str]:
    """The command that serves the dashboard at `port` of loopback; start it in `web_folder()`."""
    dashboard = Path(__file__).parents[1] / "dashboard" / "app.py"
    return [sys.executable, "-m", "streamlit", "run", str(dashboard), "--server.port", str(port)]


def web_folder() -> Path:
    """The folder to start it in: Streamlit reads `.streamlit/config.toml` from there."""
    return bundled(".streamlit").parent
