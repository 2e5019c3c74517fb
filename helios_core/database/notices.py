"""Notices: what the database announces on one channel, for who waits in an event loop."""

from collections.abc import AsyncGenerator
from contextlib import suppress

import psycopg
from pydantic import SecretStr
from sqlalchemy import make_url

ALIVE_SECONDS = 5.0
"""How often the connection is asked whether it still is one."""


async def notices(url: SecretStr, channel: str) -> AsyncGenerator[str | None, None]:
    """What is announced, until the connection is lost; None first: before this moment nothing was heard."""
    plain = make_url(url.get_secret_value()).set(drivername="postgresql").render_as_string(hide_password=False)
    with suppress(psycopg.Error, OSError):
        connection = await psycopg.AsyncConnection.connect(plain, autocommit=True, connect_timeout=10)
        async with connection:
            await connection.execute(f"LISTEN {channel}")
            yield None
            while True:
                async for notice in connection.notifies(timeout=ALIVE_SECONDS):
                    yield notice.payload
                await connection.execute("SELECT")
