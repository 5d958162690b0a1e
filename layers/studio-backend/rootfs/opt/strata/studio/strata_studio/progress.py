"""What ComfyUI reports about a running workflow, as the service's own events. Pure functions.

Events: `queued`, `started`, `cached` (nodes), `node` (one starts), `step` (n of m), `output` (files of a node), and at
the end one of `done`, `error`, `cancelled`. Each has `type`; a node has its id and class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

FINAL = {"done", "error", "cancelled"}
Event = dict[str, Any]


def events_of(kind: str, data: Mapping[str, Any], workflow: Mapping[str, Any]) -> list[Event]:
    """The events of one message; `workflow` tells the classes of its nodes."""
    node = data.get("node")
    if kind == "execution_start":
        return [{"type": "started"}]
    if kind == "execution_cached" and data.get("nodes"):
        return [{"type": "cached", "nodes": [name_node(name, workflow) for name in data["nodes"]]}]
    if kind == "executing":
        # No node: the last one has ended.
        return [{"type": "node", **name_node(node, workflow)}] if node is not None else [{"type": "done"}]
    if kind == "progress":
        return [{"type": "step", **name_node(node, workflow), "step": data["value"], "steps": data["max"]}]
    if kind == "executed":
        return [{"type": "output", **name_node(node, workflow), **split_output(data.get("output") or {})}]
    if kind == "execution_success":
        return [{"type": "done"}]
    if kind == "execution_interrupted":
        return [{"type": "cancelled"}]
    if kind == "execution_error":
        return [describe_error(data, workflow)]
    return []


def name_node(identity: Any, workflow: Mapping[str, Any]) -> Event:
    """A node's id and its class. Nodes that a node made while it ran have ids such as `5.0.1`, after the one that did."""
    text = str(identity)
    entry = workflow.get(text) or workflow.get(text.split(".", 1)[0]) or {}
    return {"node": text, "class": entry.get("class_type")}


def describe_error(data: Mapping[str, Any], workflow: Mapping[str, Any]) -> Event:
    """An error with the node and the traceback."""
    named = name_node(data.get("node_id"), workflow)
    return {
        "type": "error",
        **named,
        "class": data.get("node_type") or named["class"],
        "message": str(data.get("exception_message", "")).strip(),
        "exception": data.get("exception_type"),
        "traceback": "".join(data.get("traceback") or []),
    }


def split_output(output: Mapping[str, Any]) -> Event:
    """A node's output: the files with the address that serves each, and the other values as they are."""
    files, values = [], {}
    for kind, entries in output.items():
        listed = entries if isinstance(entries, list) else []
        found = [entry for entry in listed if isinstance(entry, dict) and "filename" in entry]
        files += [describe_file(kind, entry) for entry in found]
        if not found:
            values[kind] = entries
    return {"files": files, "values": values}


def describe_file(kind: str, entry: Mapping[str, Any]) -> Event:
    """One file."""
    place = {name: str(entry.get(name) or default) for name, default in PLACE.items()}
    return {"kind": kind, **place, "url": f"/comfyui/files?{urlencode(place)}"}


PLACE = {"filename": "", "subfolder": "", "type": "output"}


def events_of_history(entry: Mapping[str, Any], workflow: Mapping[str, Any]) -> list[Event]:
    """The end of a workflow as ComfyUI's history tells it, for whoever missed the messages."""
    status = entry.get("status") or {}
    events = [
        {"type": "output", **name_node(node, workflow), **split_output(output)}
        for node, output in (entry.get("outputs") or {}).items()
    ]
    for kind, data in status.get("messages") or []:
        if kind in ("execution_error", "execution_interrupted"):
            return [*events, *events_of(kind, data, workflow)]
    return [*events, {"type": "done"}]


def summarise(events: list[Event]) -> dict[str, Any]:
    """A workflow in one answer: `queued`, `running`, `done`, `error` or `cancelled`, and what came out so far."""
    last = events[-1]["type"] if events else "queued"
    status = last if last in FINAL or last == "queued" else "running"
    outputs = [
        {name: event[name] for name in ("node", "class", "files", "values")}
        for event in events
        if event["type"] == "output"
    ]
    error = next((event for event in events if event["type"] == "error"), None)
    return {"status": status, "outputs": outputs, "error": error}
