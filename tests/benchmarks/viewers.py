"""Open pages without a browser: what a browser sends to Streamlit and what it gets back, timed."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

LOST_SECONDS = 5.0


@dataclass
class Viewer:
    """One open page, and what its refreshes took."""

    address: str
    page: str
    seconds: float
    latencies_ms: list[float] = field(default_factory=list)
    kilobytes: list[float] = field(default_factory=list)
    due: int = 0
    first_paint_ms: float | None = None

    async def watch(self, delay_seconds: float) -> None:
        """Open the page after `delay_seconds`, and refresh each of its fragments as often as it asks to be."""
        await asyncio.sleep(delay_seconds)
        url, origin = f"ws://{self.address}/_stcore/stream", Origin(f"http://{self.address}")
        async with connect(url, subprotocols=[Subprotocol("streamlit")], origin=origin, max_size=None) as socket:
            intervals = await self._open(socket)
            await self._refresh(socket, intervals)

    async def _open(self, socket: ClientConnection) -> dict[str, float]:
        started, intervals = perf_counter(), {}
        message = BackMsg()
        message.rerun_script.page_name = self.page
        message.rerun_script.context_info.color_scheme = "light"
        await socket.send(message.SerializeToString())
        async for data in socket:
            received = ForwardMsg.FromString(data)
            if received.WhichOneof("type") == "auto_rerun":
                intervals[received.auto_rerun.fragment_id] = received.auto_rerun.interval
            if received.WhichOneof("type") == "script_finished":
                break
        self.first_paint_ms = (perf_counter() - started) * 1000
        return intervals

    async def _refresh(self, socket: ClientConnection, intervals: dict[str, float]) -> None:
        """Refresh all fragments of the shortest interval at once, as a browser's timers do, until time is up."""
        interval = min(intervals.values())
        fragments = [fragment_id for fragment_id, every in intervals.items() if every == interval]
        ends_at = perf_counter() + self.seconds
        due_at = perf_counter() + interval
        while due_at < ends_at:
            await asyncio.sleep(max(0.0, due_at - perf_counter()))
            started = perf_counter()
            self.due += 1
            with suppress(TimeoutError):
                size = await asyncio.wait_for(self._rerun(socket, fragments), LOST_SECONDS)
                self.latencies_ms.append((perf_counter() - started) * 1000)
                self.kilobytes.append(size / 1000)
            due_at += interval
            while due_at < perf_counter():  # came too late: this refresh is lost, the next one is not
                due_at += interval
                self.due += 1

    async def _rerun(self, socket: ClientConnection, fragments: list[str]) -> int:
        """The bytes that come back until every fragment has run."""
        for fragment_id in fragments:
            message = BackMsg()
            message.rerun_script.page_name = self.page
            message.rerun_script.fragment_id = fragment_id
            message.rerun_script.is_auto_rerun = True
            await socket.send(message.SerializeToString())
        # Streamlit runs them in this order, and merges those that wait: the last one's end is the end of all.
        size = 0
        while True:
            data = await socket.recv()
            size += len(data)
            received = ForwardMsg.FromString(data)
            is_end = received.WhichOneof("type") == "script_finished"
            if is_end and fragments[-1] in received.metadata.run.fragment_ids:
                return size


async def watch_together(address: str, page: str, count: int, seconds: float) -> Sequence[Viewer]:
    """`count` viewers of `page`, opened within the first three seconds, each for `seconds`."""
    viewers = [Viewer(address, page, seconds) for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        for number, viewer in enumerate(viewers):
            group.create_task(viewer.watch(3.0 * number / count))
    return viewers
