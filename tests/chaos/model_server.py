"""A model server that answers at once, or when it is told to, and remembers every request: Ollama's API on loopback."""

import asyncio
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from helios_core.runtime.prompts import HEADINGS, Purpose

EXPERT = re.compile(r"^- \[(?P<name>[^\]]+)\]", re.MULTILINE)
TASK = re.compile(r"@\[(?P<name>[^\]]+)\] (?P<task>.*)")
QUESTION = re.compile(r"^> (?P<question>Question \d+\?.*)$", re.MULTILINE)
PURPOSE_OF = {heading: purpose for purpose, heading in HEADINGS.items()}


@dataclass(frozen=True)
class Call:
    """One request: when it came, for what, and in which conversation; of an expert's answer also which task."""

    at: float
    purpose: Purpose
    question: str
    task: str | None
    said: str = field(repr=False)
    """The message itself."""


@dataclass
class ModelServer:
    """The server while the block runs. `experts`: how many tasks a plan has; `seconds`: how long an answer takes.

    `slow`: the only purpose that takes time, if not all do.
    """

    experts: int = 3
    seconds: float = 0.0
    slow: Purpose | None = None
    fails: int = 0
    """How many answers of experts break off, from the first on."""
    returns: int = 0
    """How many syntheses are sent back."""
    careless: int = 0
    """How many plans address somebody who is not there."""
    misshapen: frozenset[Purpose] = frozenset()
    """What is answered with JSON of another form than was asked for."""
    in_words: bool = False
    """Whether plans are text with directives, whatever form is asked for."""
    calls: list[Call] = field(default_factory=list)
    dropped: list[tuple[float, Purpose]] = field(default_factory=list)
    """When somebody hung up in the middle of an answer, and of which."""
    peaks: Counter[str] = field(default_factory=Counter)
    """By model: the most answers of experts at a time."""
    _now: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        app = Starlette(routes=[Route("/api/chat", self._chat, methods=["POST"])])
        config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()

    async def _chat(self, request: Request) -> StreamingResponse:
        try:
            body = await request.json()
        except ClientDisconnect:  # whoever asked was killed
            return StreamingResponse(iter(()))
        said = body["messages"][-1]["content"]
        purpose = PURPOSE_OF[said.splitlines()[0]]
        question, task = QUESTION.search(said), TASK.search(said)
        asked = task["task"] if task is not None and purpose == "answer" else None
        self.calls.append(Call(time.time(), purpose, question["question"] if question else "", asked, said))
        words = '{"nothing": "to say"}' if purpose in self.misshapen else self._words(purpose, said)
        return StreamingResponse(self._stream(body["model"], purpose, words))

    async def _stream(self, model: str, purpose: Purpose, words: str) -> AsyncIterator[bytes]:
        key = f"{purpose} {model}"
        self._now[key] += 1
        self.peaks[key] = max(self.peaks[key], self._now[key])
        try:
            if purpose == "answer" and self.fails > 0:
                self.fails -= 1
                yield _line(model, message={"role": "assistant", "content": "Well, "}, done=False)
                yield _line(model, error="out of memory")
                return
            for part in (words[: len(words) // 2], words[len(words) // 2 :]):
                yield _line(model, message={"role": "assistant", "content": part}, done=False)
                await asyncio.sleep(self.seconds / 2 if self.slow in {None, purpose} else 0)
            yield _line(model, message={}, done=True, done_reason="stop", prompt_eval_count=10, eval_count=5)
        except BaseException:
            self.dropped.append((time.time(), purpose))
            raise
        finally:
            self._now[key] -= 1

    def _words(self, purpose: Purpose, said: str) -> str:
        match purpose:
            case "plan":
                plan = self._plan(said)
                return in_words(plan) if self.in_words else json.dumps(plan)
            case "answer":
                return "## Answer\nYes, to be sure.\n## Requirements\n- say yes: met\n## Confidence\n0.8"
            case "judge":
                grades = dict.fromkeys(("requirements", "grounds", "honesty", "clarity", "overall"), 4)
                return json.dumps({**grades, "explanation": "Good.", "faults": []})
            case "claims":
                stances = [{"response": 1, "stance": "for", "quote": "Yes, to be sure."}]
                return json.dumps({"claims": [{"claim": "It is so", "stances": stances}]})
            case "review":
                self.returns -= 1
                verdict, changes = ("return", ["Say why."]) if self.returns >= 0 else ("pass", [])
                return json.dumps({"verdict": verdict, "explanation": "Read.", "changes": changes})
            case _:
                return "Yes, to be sure [Technical Expert]."

    def _plan(self, said: str) -> dict[str, Any]:
        names = [name for name in EXPERT.findall(said) if name != "Quality Assurance"][: self.experts]
        self.careless -= 1
        if self.careless >= 0:
            names[0] = "The Oracle"
        return {
            "summary": "Ask them all.",
            "directives": [
                {
                    "expert": name,
                    "task": f"Look at part {place} of it, {'abcdefgh'[place]}{place * 7919}",
                    "context": "",
                    "requirements": ["say yes"],
                    "depends_on": names[:1] if place == len(names) - 1 and place else [],
                }
                for place, name in enumerate(names)
            ],
        }


def in_words(plan: dict[str, Any]) -> str:
    """A plan as text."""
    return "\n".join([plan["summary"], *(f"@[{one['expert']}] {one['task']}" for one in plan["directives"])])


def _line(model: str, **event: object) -> bytes:
    return json.dumps({"model": model, **event}).encode() + b"\n"
