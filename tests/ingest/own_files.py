"""Small files of our own writing, shaped like the real ones."""

import json
from typing import Any

MAGENTIC_ONE: dict[str, Any] = {
    "question": "How many bridges cross the river?",
    "history": [
        {"role": "human", "content": "How many bridges cross the river?"},
        {"role": "Orchestrator (thought)", "content": "Initial plan: look it up."},
        {"role": "Orchestrator (-> WebSurfer)", "content": "Please look for a list of bridges."},
        {"role": "WebSurfer", "content": "I typed 'bridges'. Here is a page."},
        {"role": "WebSurfer", "content": "The page lists 7 bridges."},
        {"role": "Orchestrator (-> FileSurfer)", "content": "Open the map."},
        {"role": "Orchestrator (-> WebSurfer)", "content": "Count again."},
        {"role": "WebSurfer", "content": "Still 7."},
        {
            "role": "Orchestrator (termination condition)",
            "content": "No agent selected.\nFINAL ANSWER: 7\nSCENARIO.PY COMPLETE !#!#\n",
        },
    ],
    "is_corrected": False,
    "ground_truth": "8",
    "mistake_agent": "WebSurfer",
    "mistake_step": "4",
    "mistake_reason": "It counted one list.",
}

GROUP_CHAT: dict[str, Any] = {
    "question": "Which jar is the heaviest?",
    "system_prompt": {"Scale_Expert": "## Your role\nYou weigh.", "Jar_Expert": "", "Silent_Expert": "Say little."},
    "history": [
        {"name": "Scale_Expert", "role": "assistant", "content": "You are given a task from your manager: weigh them."},
        {"name": "Computer_terminal", "role": "user", "content": "exitcode: 0 (execution succeeded)"},
        {"name": "Jar_Expert", "role": "user", "content": "The blue one is made of lead."},
        {"name": "Scale_Expert", "role": "assistant", "content": "Blue: 4.1 kg."},
        {"name": "Jar_Expert", "role": "user", "content": "TERMINATE"},
    ],
    "is_correct": True,
}

CHATDEV: dict[str, Any] = {
    "framework": "ChatDev",
    "project": "Tiny_Clock",
    "task": "Write a clock for the terminal.",
    "model": "ModelType.SMALL_MODEL",
    "num_turns": 5,
    "stats": {"duration_s": "9.00", "prompt_tokens": None, "completion_tokens": None, "cost": "$0.000000"},
    "turns": [
        {"ts": "2025-03-09T10:00:00", "speaker": "Chief Executive Officer", "kind": "start", "phase": "DemandAnalysis",
         "pair": None, "llm_calls_since_last": 0, "content": "Which form shall it have?"},
        {"ts": "2025-03-09T10:00:04", "speaker": "Chief Product Officer", "kind": "turn", "phase": "DemandAnalysis",
         "pair": ["Chief Product Officer", "Chief Executive Officer"], "llm_calls_since_last": 2,
         "content": "An application."},
        {"ts": "2025-03-09T10:00:04", "speaker": "Chief Executive Officer", "kind": "turn", "phase": "DemandAnalysis",
         "pair": ["Chief Product Officer", "Chief Executive Officer"], "llm_calls_since_last": 0,
         "content": "<INFO> Application"},
        {"ts": "2025-03-09T10:00:05", "speaker": "Chief Technology Officer", "kind": "start", "phase": "Coding",
         "pair": None, "llm_calls_since_last": 0, "content": "Write it."},
        {"ts": "2025-03-09T10:00:09", "speaker": "Programmer", "kind": "turn", "phase": "Coding",
         "pair": ["Programmer", "Chief Technology Officer"], "llm_calls_since_last": 1, "content": "print(now())"},
    ],
}  # fmt: skip

CHATDEV_LOG = """\
[2025-13-05 10:00:00 INFO] **[Preprocessing]**

**ChatDev Starts** (20250513100000)

**task_prompt**: Write a clock for the terminal.

**project_name**: Tiny_Clock

**Log File**: Tiny_Clock.log

[2025-13-05 10:00:00 INFO] System: **[chatting]**

| Parameter | Value |
| --- | --- |
| **assistant_role_name** | Chief Product Officer |
| **user_role_name** | Chief Executive Officer |
| **phase_name** | DemandAnalysis |
| **assistant_role_prompt** | You are Chief Product Officer. |
| **model_type** | ModelType.SMALL_MODEL |

[2025-13-05 10:00:01 INFO] Chief Executive Officer: **[Start Chat]**

[You are Chief Product Officer.]

Which form shall it have?

[2025-13-05 10:00:03 INFO] HTTP Request: POST http://localhost:1/v1/completions "HTTP/1.1 200 OK"
[2025-13-05 10:00:03 INFO] **[OpenAI_Usage_Info Receive]**
prompt_tokens: 40
completion_tokens: 8
total_tokens: 48

[2025-13-05 10:00:05 INFO] HTTP Request: POST http://localhost:1/v1/completions "HTTP/1.1 200 OK"
[2025-13-05 10:00:05 INFO] **[OpenAI_Usage_Info Receive]**
prompt_tokens: 50
completion_tokens: -1
total_tokens: 50

[2025-13-05 10:00:05 INFO] Chief Product Officer: **Chief Product Officer<->Chief Executive Officer on : \
DemandAnalysis, turn 0**

[You are Chief Executive Officer.]

An application.

[2025-13-05 10:00:05 INFO] Chief Executive Officer: **Chief Product Officer<->Chief Executive Officer on : \
DemandAnalysis, turn 0**

[You are Chief Product Officer.]

<INFO> Application

[2025-13-05 10:00:06 INFO] **[Post Info]**

Software Info:

**cost**=$0.001000

**num_utterances**=3

**num_prompt_tokens**=90

**num_completion_tokens**=-1

**duration**=6.00s

"""

NATIVE: dict[str, Any] = {
    "format": "helios-conversation/1",
    "title": "Tea or coffee?",
    "question": "What shall we drink?",
    "pm_agent_id": "project_manager",
    "outcome": "completed",
    "started_at": "2026-01-05T09:00:00Z",
    "ended_at": "2026-01-05T09:01:00Z",
    "participants": [
        {"agent_id": "project_manager", "role": "pm"},
        {"agent_id": "research_specialist", "model_name": "llama3.1:8b"},
    ],
    "phases": [
        {"phase": "delegation", "started_at": "2026-01-05T09:00:00Z", "ended_at": "2026-01-05T09:00:02Z"},
        {"phase": "completion", "label": "done"},
    ],
    "messages": [
        {"speaker": "user", "kind": "question", "content": "What shall we drink?"},
        {"speaker": "project_manager", "kind": "directive", "content": "Find out.", "delegation": 1},
        {"speaker": "research_specialist", "kind": "response", "content": "Tea.", "delegation": 1, "input_tokens": 90},
        {"speaker": "project_manager", "kind": "synthesis", "content": "Tea, then.", "phase": "synthesis"},
    ],
    "delegations": [
        {
            "pm_agent_id": "project_manager",
            "target_agent_id": "research_specialist",
            "task_description": "Find out.",
            "requirements": ["one word"],
            "status": "failed",
            "error_message": "No kettle.",
        },
        {
            "pm_agent_id": "project_manager",
            "target_agent_id": "research_specialist",
            "task_description": "Find out.",
            "status": "completed",
            "attempt": 2,
            "retry_of": 0,
            "position": 1,
            "started_at": "2026-01-05T09:00:02Z",
            "completed_at": "2026-01-05T09:00:05.250000Z",
        },
    ],
    "responses": [
        {
            "delegation": 1,
            "agent_id": "research_specialist",
            "content": "Tea.",
            "quality_score": 0.75,
            "response_seconds": 3.25,
            "decode_seconds": 0.5,
            "model_provider": "ollama",
            "position": 2,
        }
    ],
    "syntheses": [
        {
            "synthesizer_agent_id": "project_manager",
            "content": "Tea, then.",
            "contributions": [{"response": 0, "agent_id": "research_specialist", "weight": 0.8}],
            "conflicts": [{"claim": "Coffee is better", "stances": {"research_specialist": "against"}}],
            "minority_report": "None.",
            "position": 3,
        }
    ],
}

JSON_FILES = {"magentic-one": MAGENTIC_ONE, "group chat": GROUP_CHAT, "chatdev": CHATDEV, "native": NATIVE}


def as_bytes(tree: object) -> bytes:
    """A JSON file's content."""
    return json.dumps(tree).encode()
