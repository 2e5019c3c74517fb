"""Hugging Face: its router and its dedicated endpoints speak OpenAI's wire format, and documents that SDK."""

from helios_core.providers.openai import Client

__all__ = ["Client"]
