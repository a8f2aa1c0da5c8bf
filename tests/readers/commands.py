"""Calls the commands of a reader: `READER COMMAND ARGUMENT...` prints the result as JSON.

`READER serve` reads a command with its arguments from each line of its input, as a JSON array, and prints one line per
result, so that many questions cost one start.
"""

import json
import sys
from collections.abc import Callable

Commands = dict[str, Callable[[list[str]], dict]]


def run(commands: Commands, arguments: list[str]) -> None:
    if arguments == ["serve"]:
        for line in sys.stdin:
            command, *rest = json.loads(line)
            print(json.dumps(commands[command](rest), default=str), flush=True)
    else:
        command, *rest = arguments
        json.dump(commands[command](rest), sys.stdout, default=str)
