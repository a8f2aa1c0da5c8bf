"""Runs dbt commands in one process, which imports dbt once and parses the project once.

Each line of standard input is a command: a JSON object with its `arguments`, and with what to change first:
variables of the `environment`, and in `moves` attributes of nodes and sources, by unique id. The answer follows dbt's
own lines on standard output, as one line of JSON.
The process ends as soon as standard input ends, even during a command: its parent has died, and nobody would read the
result.
"""

import gc
import json
import os
import queue
import sys
import threading


def read_commands(commands: queue.SimpleQueue) -> None:
    for line in sys.stdin:
        commands.put(json.loads(line))
    os._exit(0)


def ignore_debug_events() -> None:
    """Makes dbt drop its debug events, which it otherwise renders as JSON before it looks at the level of its log."""
    from dbt_common.events.base_types import BaseEvent, EventLevel  # noqa: PLC0415
    from dbt_common.events.event_manager import EventManager  # noqa: PLC0415
    from dbt_common.events.event_manager_client import ctx_set_event_manager  # noqa: PLC0415

    class LoggedEvents(EventManager):
        def fire_event(
            self,
            e: BaseEvent,
            level: EventLevel | None = None,
            node: object = None,
            force_warn_or_error_handling: bool = False,
        ) -> None:
            if force_warn_or_error_handling or (level or e.level_tag()) != EventLevel.DEBUG:
                super().fire_event(e, level, node, force_warn_or_error_handling)

    ctx_set_event_manager(LoggedEvents())


def main() -> None:
    commands: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=read_commands, args=(commands,), daemon=True).start()

    # Imported here, because it takes seconds and the parent may die meanwhile.
    from dbt.cli.main import dbtRunner  # noqa: PLC0415
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415

    ignore_debug_events()
    # dbt keeps what it creates and has few cycles: looking for them as often as Python does takes a tenth of its time.
    gc.set_threshold(50_000)
    runner = dbtRunner()
    while True:
        command = commands.get()
        os.environ.update(command["environment"])
        for unique_id, attributes in command["moves"].items():
            node = runner.manifest.sources.get(unique_id) or runner.manifest.nodes[unique_id]
            for name, value in attributes.items():
                setattr(node.config if name == "materialized" else node, name, value)
        done = runner.invoke(command["arguments"])
        # `dbt parse` returns the manifest, which saves the other commands from parsing the project again.
        if isinstance(done.result, Manifest):
            runner.manifest = done.result
        error = None if done.exception is None else str(done.exception)
        print(json.dumps({"success": done.success, "error": error}), flush=True)


main()
