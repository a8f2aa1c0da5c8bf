"""Executes workflow.yaml on this machine: PyPI's `workflows-emulator`, with connectors that speak real HTTP.

The emulator runs the language. Its own connectors pass neither query parameters nor `connector_params`, so that here a
connector is built from Google's discovery documents, as in the service, and calls a server that replaces the API.
"""

import contextlib
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

from workflows_emulator import main as language
from workflows_emulator import render
from workflows_emulator.lib import sys_utils, text_utils
from workflows_emulator.lib.helpers import helpers
from workflows_emulator.utils import WorkflowError

from discovery import Method

# Functions of the language that the emulator lacks.
LITERALS = {
    "null": None,
    "true": True,
    "false": False,
    "default": lambda value, otherwise: otherwise if value is None else value,
    # The keys that are not variables of the emulator.
    "keys": lambda value: list(dict.keys(value)),
    "get_type": lambda value: "map" if isinstance(value, dict) else helpers["get_type"](value),
}


class Failed(Exception):
    """An execution that ended in error, with the error."""

    def __init__(self, error: dict | str) -> None:
        super().__init__(str(error))
        self.error = error


class Unlocked:
    """The emulator never releases the lock of a failed assignment."""

    def acquire(self) -> None:
        pass

    def release(self) -> None:
        pass


def plain(value: object) -> object:
    """Converts the emulator's maps to Python's, which it accepts as maps."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def render_string(
    value: object, context: dict, otherwise: Callable[[object, dict], object] = render.render_str
) -> object:
    """A value that is one expression is its result. The emulator writes it as YAML and parses it again, which does
    not preserve every text."""
    if isinstance(value, str) and (expression := re.fullmatch(r"\$\{([^{}]*)\}", value)):
        return plain(render.run_code(expression[1], context))
    return otherwise(value, context)


def connector(address: str, call: str, arguments: dict) -> object:
    """Calls a method of an API according to its discovery document, at `address` in place of Google's."""
    method = Method.named(call)
    if problems := list(method.problems(arguments)):
        raise WorkflowError(message="; ".join(problems), tags=["TypeError"])
    parameters = method.described["parameters"]
    path = method.described["path"]
    for reserved, name in re.findall(r"\{(\+?)(\w+)\}", path):
        value = str(arguments[name])
        # A name that is one segment of the path is inserted unchanged: the workflow has to encode it, according to
        # https://cloud.google.com/workflows/docs/reference/googleapis/storage/Overview
        if not reserved and "/" in value:
            raise WorkflowError(message=f"{name} is not URL-encoded: {value}", code=404, tags=["HttpError"])
        path = path.replace(f"{{{reserved}{name}}}", value)
    query = {
        name: value
        for name, value in arguments.items()
        if name in method.parameters and parameters.get(name, {}).get("location") != "path"
    }
    request = urllib.request.Request(
        f"{address}/{method.api['name']}/{method.api['servicePath']}{path}?{urllib.parse.urlencode(query)}",
        method=method.described["httpMethod"],
        data=json.dumps(arguments["body"]).encode() if "body" in arguments else None,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            content = response.read()
            return json.loads(content) if response.headers["Content-Type"] == "application/json" else content
    except urllib.error.HTTPError as error:
        raise WorkflowError(message=error.read().decode(), code=error.code, tags=["HttpError"]) from None


def execute(
    workflow: Path, address: str, environment: dict, arguments: dict | None, sleep: Callable[[float], None]
) -> dict:
    """Returns the result of an execution. `sleep` is called with the seconds. Raises `Failed` with the error."""

    def execute_connector(step: dict) -> object:
        return connector(address, step["call"], step.get("args", {}))

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environment))
        stack.enter_context(mock.patch.dict(render.STANDARD_LIBRARY, LITERALS))
        stack.enter_context(mock.patch.object(render, "render_str", render_string))
        stack.enter_context(mock.patch.object(sys_utils, "sleep", sleep))
        # The service encodes slashes, which are reserved, as well.
        stack.enter_context(mock.patch.object(text_utils, "url_encode", partial(urllib.parse.quote, safe="")))
        stack.enter_context(mock.patch.object(language, "LOCK", Unlocked()))
        stack.enter_context(mock.patch.object(language.StepCall, "execute_connector", staticmethod(execute_connector)))
        try:
            return language.execute_workflow(language.load_workflow(workflow), {"args": arguments})
        except WorkflowError as error:
            payload = error.payload
            raise Failed(payload.to_dict() if hasattr(payload, "to_dict") else payload) from None
