"""The peer of `bench_team`: the same team in LangGraph, in an environment of its own. It imports nothing of ours.

Reads an order as JSON from its standard input, and prints, as JSON, what its load came to.
"""

import asyncio
import json
import operator
import sys
import time
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send


class Team(TypedDict):
    """The state of a conversation."""

    question: str
    plan: str
    answers: Annotated[list[str], operator.add]
    synthesis: str


def graph_of(order: dict[str, Any], seconds: float) -> Any:  # noqa: ANN401 (LangGraph's builder)
    """Project manager, experts at the same time, synthesis; each asks a model that takes `seconds`."""

    async def model(text: str) -> str:
        if seconds:
            await asyncio.sleep(seconds)
        return text

    async def manager(_state: Team) -> dict[str, Any]:
        return {"plan": await model(order["plan"])}

    async def expert(_state: dict[str, Any]) -> dict[str, Any]:
        return {"answers": [await model(order["answer"])]}

    async def synthesiser(_state: Team) -> dict[str, Any]:
        return {"synthesis": await model(order["synthesis"])}

    def delegate(state: Team) -> list[Send]:
        return [Send("expert", {"question": state["question"], "task": task}) for task in order["tasks"]]

    builder = StateGraph(Team)
    builder.add_node("manager", manager)
    builder.add_node("expert", expert)
    builder.add_node("synthesiser", synthesiser)
    builder.add_edge(START, "manager")
    builder.add_conditional_edges("manager", delegate, ["expert"])
    builder.add_edge("expert", "synthesiser")
    builder.add_edge("synthesiser", END)
    return builder


async def measure(order: dict[str, Any]) -> dict[str, float]:
    """One load for `order["seconds"]`, with the saver's default durability."""
    delay, at_a_time = order["load"]
    async with AsyncPostgresSaver.from_conn_string(order["url"]) as saver:
        await saver.setup()
        graph = graph_of(order, delay).compile(checkpointer=saver)
        return await loaded(graph, order, at_a_time, f"{delay}-{at_a_time}")


async def loaded(graph: Any, order: dict[str, Any], at_a_time: int, name: str) -> dict[str, float]:  # noqa: ANN401
    """Conversations one after the other, so many at a time; what ends in time, after the first second, counts."""
    took: list[float] = []
    counted_from = time.perf_counter() + 1.0
    counted_until = counted_from + order["seconds"]

    async def ask(place: int) -> None:
        number = 0
        while (now := time.perf_counter()) < counted_until:
            number += 1
            config = {"configurable": {"thread_id": f"{name}-{place}-{number}"}}
            done = await graph.ainvoke({"question": order["question"], "answers": []}, config)
            if len(done["answers"]) != len(order["tasks"]) or not done["synthesis"]:
                message = "A conversation ended without all of its answers."
                raise RuntimeError(message)
            if counted_from <= time.perf_counter() < counted_until:
                took.append(time.perf_counter() - now)

    await asyncio.gather(*(ask(place) for place in range(at_a_time)))
    return {"count": len(took), "seconds": order["seconds"], "mean_seconds": sum(took) / len(took)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(json.load(sys.stdin)))))
