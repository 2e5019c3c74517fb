"""How large a body may be: reading one that is larger ends at the limit."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helios_core.ingest.reading import LIMIT_BYTES as LARGEST_CONVERSATION

LARGEST_BODY = 1024 * 1024
TAKES_CONVERSATIONS = "/conversations"


class BodyLimit:
    """Refuses bodies that are larger than a conversation where one is taken in, and than 1 MiB elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and count what is read of it."""
        path = scope.get("path", "")
        limit = LARGEST_CONVERSATION if path.endswith(TAKES_CONVERSATIONS) else LARGEST_BODY
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413, f"A body here has at most {limit:,} bytes")
            return message

        await self.app(scope, counted, send)
