"""Helios: mission control for a team of LLM agents on your own GPUs."""

from importlib.metadata import version

__version__ = version("helios")
