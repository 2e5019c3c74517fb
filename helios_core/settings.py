"""The one reader of the environment. Every quantity carries its unit."""

import os
from functools import cache
from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data_dir() -> Path:
    """Where Helios keeps everything: root's folder is a system's, any other user's is theirs."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/helios")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "helios"


class Settings(BaseSettings):
    """What an installation can be told, each as `HELIOS_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="HELIOS_", extra="ignore", frozen=True)

    data_dir: Path = Field(default_factory=default_data_dir, validation_alias="HELIOS_DATA")
    """The folder that holds everything: the embedded server's cluster, passwords, logs."""
    database_url: SecretStr | None = None
    """A PostgreSQL 15 or later to use instead of the embedded one, as the application's role."""
    owner_url: SecretStr | None = None
    """The same database as the role that owns the tables: it migrates, archives and backs up, and never serves."""
    pg_bin: Path | None = None
    """A folder with other PostgreSQL binaries for the embedded server."""
    port: PositiveInt = 8501
    """The dashboard's port on loopback."""
    sample_interval_seconds: PositiveFloat = 1.0
    """How often each GPU is read."""
    sample_retention_hours: PositiveFloat = 48.0
    """How long single samples are kept; rollups stay longer."""
    rollup_retention_days: PositiveFloat = 400.0
    """How long rollups of an hour are kept; finer ones go sooner."""
    simulated_gpus: bool | None = None
    """True: simulated cards only. False: never. Unset: only where no NVIDIA GPU answers."""

    def environment(self) -> dict[str, str]:
        """What a part of this installation finds in its environment.

        The owner's URL is for who migrates, and no variable of Streamlit may open what our configuration closes.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name != "HELIOS_OWNER_URL" and not name.startswith("STREAMLIT_")
        }
        own = {"HELIOS_DATA": str(self.data_dir), "HELIOS_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        return inherited | own


def key_in_environment(name: str) -> SecretStr | None:
    """A model provider's key, as the variable `name` holds it now."""
    value = os.environ.get(name, "").strip()
    return SecretStr(value) if value else None


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()


def bundled(name: str) -> Path:
    """A folder that lives at the top of a checkout, and inside the package in a wheel."""
    package = Path(__file__).parent
    in_wheel = package / "bundled" / name
    return in_wheel if in_wheel.exists() else package.parent / name
