"""A server that should never be asked for anything, and texts that try to make a browser ask it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Canary:
    """Listens on loopback, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing on the terminal."""

        return Handler

    def hostile(self) -> str:
        """A text with everything that was ever seen to make a browser fetch, run, or open something."""
        at = f"http://{self.address}"
        return "\n".join(
            (
                f"![x]({at}/markdown) ![][r] [link]({at}/link) [js](javascript:alert(1)) <{at}/angle> {at}/bare",
                f'<img src="{at}/html" onerror="alert(2)"> <script src="{at}/script">alert(3)</script>',
                f'<iframe src="{at}/frame"></iframe><svg onload="alert(4)"><image href="{at}/svg"/></svg>',
                f"<style>@import url({at}/css)</style> &lt;img src={at}/entity&gt; <b>bold</b> ~~gone~~ `code`",
                f":red[red] :material/home: :smile: $\\includegraphics{{{at}/latex}}$ $$x$$",
                f"**strong ![s]({at}/strong)**",
                "",
                f"- ![i]({at}/item)",
                f"# ![h]({at}/heading)",
                f"> ![q]({at}/quote)",
                "| a | b |",
                "|---|---|",
                f"| ![t]({at}/table) | \u202emirrored\u202c |",
                "```html",
                f"<img src='{at}/fenced'>",
                "```",
                f"    ![c]({at}/indented)",
                f"[r]: {at}/reference",
            )
        )
