"""Fails if modules of a crate or of its tests use each other in a circle, or if macros of the dbt project do.

python3 dev/circles.py    from the top of the repository

A path counts as a use of the deepest module that it names: `super::layout::Layout` of `layout`. What a module says of
its children (`mod`, `pub use`) does not count. Tests of a module are left out.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

Module = tuple[str, ...]
Graph = dict[Module, set[Module]]

COMMENT = re.compile(r"//.*$", re.MULTILINE)
# Braces are nested at most twice: rustfmt merges no imports deeper.
PATH = re.compile(r"\b(?:crate|super|self)(?:::(?:\w+|\{[^;{}]*(?:\{[^{}]*\}[^{}]*)*\}))+")
MACRO = re.compile(r"{%-?\s*(?:macro|test)\s+(\w+)(.*?){%-?\s*end(?:macro|test)", re.DOTALL)
CALL = re.compile(r"\b(\w+)\(")


def single_paths(path: str) -> Iterator[str]:
    """Yields `a::b` and `a::c` of `a::{b, c}`."""
    head, brace, rest = path.partition("{")
    if not brace:
        yield path
        return
    part, depth = "", 0
    for character in rest[: rest.rindex("}")] + ",":
        if character == "," and depth == 0:
            if part.strip():
                yield from single_paths(head + part.strip())
            part = ""
        else:
            depth += (character == "{") - (character == "}")
            part += character


def modules_of(source: Path) -> dict[Module, Path]:
    modules = {}
    for file in sorted(source.rglob("*.rs")):
        parts = file.relative_to(source).with_suffix("").parts
        # A binary beside a library is a crate of its own.
        if parts != ("main",) or not (source / "lib.rs").exists():
            modules[parts[:-1] if parts[-1] in ("lib", "main", "mod") else parts] = file
    return modules


def uses(module: Module, code: str, modules: dict[Module, Path]) -> set[Module]:
    used = set()
    for match in PATH.finditer(COMMENT.sub("", code).split("#[cfg(test)]\nmod ")[0]):
        for path in single_paths(match[0]):
            first, *names = path.split("::")
            base = () if first == "crate" else module[:-1] if first == "super" else module
            while names and names[0] == "super":
                base, names = base[:-1], names[1:]
            target = (*base, *names)
            while target not in modules:
                target = target[:-1]
            used.add(target)
    return used - {module}


def macros_of(project: Path) -> Graph:
    bodies = {}
    for file in sorted([*project.glob("macros/**/*.sql"), *project.glob("tests/generic/*.sql")]):
        bodies |= {(name,): body for name, body in MACRO.findall(file.read_text(encoding="utf-8"))}
    return {name: {(call,) for call in CALL.findall(body)} & (bodies.keys() - {name}) for name, body in bodies.items()}


def circles(graph: Graph) -> Iterator[list[Module]]:
    done = set()

    def visit(module: Module, trail: list[Module]) -> Iterator[list[Module]]:
        if module in trail:
            yield [*trail[trail.index(module) :], module]
        elif module not in done:
            for used in sorted(graph[module]):
                yield from visit(used, [*trail, module])
            done.add(module)

    for module in sorted(graph):
        yield from visit(module, [])


def main() -> None:
    graphs = {Path("dbt-runner/project"): macros_of(Path("dbt-runner/project"))}
    # Crates are at the top, or in dev/. Tests are crates of their own.
    crates = [manifest.parent for pattern in ("*", "dev/**") for manifest in Path().glob(f"{pattern}/Cargo.toml")]
    roots = [root for crate in crates for name in ("*/lib", "**/main") for root in crate.glob(f"{name}.rs")]
    for source in sorted({root.parent for root in roots}):
        modules = modules_of(source)
        code = {module: file.read_text(encoding="utf-8") for module, file in modules.items()}
        graphs[source] = {module: uses(module, code[module], modules) for module in modules}
    found = [
        f"{place}: {' -> '.join('::'.join(module) or 'crate' for module in circle)}"
        for place, graph in graphs.items()
        for circle in circles(graph)
    ]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))


main()
