"""Holds events of OpenLineage against the specification's own schemas, and draws the graph that they describe.

python openlineage.py SCHEMAS FILE    SCHEMAS: the folder with OpenLineage.json and facets/; FILE: one event per line

Prints one JSON object: `runs`, the states of each run by job and run id, in order; `edges`, the pairs of input and
output dataset of all runs; `parts`, the datasets of each connected part, the largest last; `columns`, of each column
with a lineage the columns that it is computed from; and `schemas`, those that were used. Shares no code with the
pipeline.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource


class Specification:
    """The schemas, by address. Nothing is fetched: a schema that is not in the folder is an error."""

    def __init__(self, folder: Path) -> None:
        schemas = [json.loads(path.read_text("utf-8")) for path in folder.rglob("*.json")]
        self.known = {schema["$id"] for schema in schemas}
        self.registry = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)
        self.seen = set()

    def check(self, value: object, address: str) -> None:
        if address.partition("#")[0] not in self.known:
            sys.exit(f"{address} is not a schema of the specification")
        validator = Draft202012Validator({"$ref": address}, registry=self.registry, format_checker=FormatChecker())
        for error in validator.iter_errors(value):
            sys.exit(f"{address}: {error.json_path}: {error.message}\n{json.dumps(value)[:2000]}")
        self.seen.add(address)

    def check_event(self, event: dict) -> None:
        self.check(event, event["schemaURL"])
        owners = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
        for owner in owners:
            for kind in ("facets", "inputFacets", "outputFacets"):
                for name, facet in owner.get(kind, {}).items():
                    address = facet["_schemaURL"]
                    self.check(facet, address)
                    # Each schema also names the facet, and with it its place.
                    self.check({name: facet}, address.partition("#")[0])


def parts(edges: set[tuple[str, str]]) -> list[list[str]]:
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for one, other in edges:
        leader[find(one)] = find(other)
    members = defaultdict(list)
    for name in sorted(leader):
        members[find(name)].append(name)
    return sorted(members.values(), key=len)


def address(dataset: dict) -> str:
    return f"{dataset['namespace']} {dataset['name']}"


def main(folder: Path, file: Path) -> None:
    specification = Specification(folder)
    runs, edges, columns = defaultdict(list), set(), {}
    for line in file.read_text("utf-8").splitlines():
        event = json.loads(line)
        specification.check_event(event)
        runs[f"{event['job']['name']} {event['run']['runId']}"].append(event["eventType"])
        for output in event["outputs"]:
            edges |= {(address(dataset), address(output)) for dataset in event["inputs"]}
            fields = output.get("facets", {}).get("columnLineage", {}).get("fields", {})
            for column, inputs in fields.items():
                sources = [f"{address(source)} {source['field']}" for source in inputs["inputFields"]]
                columns[f"{address(output)} {column}"] = sources
    graph = {"runs": runs, "edges": sorted(edges), "parts": parts(edges), "columns": columns}
    print(json.dumps(graph | {"schemas": sorted(specification.seen)}))


main(Path(sys.argv[1]), Path(sys.argv[2]))
