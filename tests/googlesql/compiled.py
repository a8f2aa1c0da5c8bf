"""Compiles Google's WebAssembly for this machine, once, when the environment is installed: it takes half a minute."""

import sys
from pathlib import Path

from wasmtime import Config, Engine, Module
from zetasql.wasi import get_wasm_path

PATH = Path(sys.prefix, "zetasql.cwasm")


def engine() -> Engine:
    """Returns an engine with the features that the module needs."""
    config = Config()
    config.shared_memory = True
    return Engine(config)


if __name__ == "__main__":
    PATH.write_bytes(Module.from_file(engine(), get_wasm_path()).serialize())
