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


def main() -> None:
    commands: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=read_commands, args=(commands,), daemon=True).start()

    # Imported here, because it takes seconds and the parent may die meanwhile.
    from dbt.cli.main import dbtRunner  # noqa: PLC0415
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415

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
