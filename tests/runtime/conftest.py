"""A team at work for whoever asks: a database, a model server, and workers."""

from tests.chaos.conftest import models, team, zygote

__all__ = ["models", "team", "zygote"]
