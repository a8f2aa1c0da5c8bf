"""Google's discovery documents from PyPI's google-api-python-client, which describe each API's parameters."""

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple

DOCUMENTS = resources.files("googleapiclient.discovery_cache") / "documents"


@cache
def document(api: str, version: str) -> dict:
    return json.loads((DOCUMENTS / f"{api}.{version}.json").read_text("utf-8"))


class Method(NamedTuple):
    """A method of an API, named like a Cloud Workflows connector: googleapis.run.v2.projects.locations.jobs.run."""

    api: dict
    described: dict

    @classmethod
    def named(cls, connector: str) -> "Method":
        _, api, version, *collections, method = connector.split(".")
        found = document(api, version)
        scope = found
        for collection in collections:
            scope = scope["resources"][collection]
        return cls(found, scope["methods"][method])

    @property
    def parameters(self) -> dict:
        return self.api["parameters"] | self.described.get("parameters", {})

    def problems(self, arguments: dict) -> Iterator[str]:
        """Lists the problems with the arguments of a call; expressions `${...}` may be anything."""
        for name in set(arguments) - set(self.parameters) - {"body", "connector_params"}:
            yield f"{name} is not an argument of {self.described['id']}"
        for name, parameter in self.described.get("parameters", {}).items():
            if parameter.get("required") and name not in arguments:
                yield f"{self.described['id']} needs {name}"
            if name in arguments:
                yield from value_problems(self.api, parameter, arguments[name], name)
        if "request" in self.described:
            yield from value_problems(self.api, self.described["request"], arguments.get("body", {}), "body")


TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list}


def value_problems(api: dict, schema: dict, value: object, path: str) -> Iterator[str]:
    """Lists how `value` differs from a schema: unknown fields, wrong types, wrong enumerations."""
    if isinstance(value, str) and value.startswith("${"):
        return
    if "$ref" in schema:
        schema = api["schemas"][schema["$ref"]]
    # 64-bit numbers are encoded as strings.
    expected = TYPES.get(schema.get("type"), object)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        yield f"{path} is {value!r}: expected {schema['type']}"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from value_problems(api, schema["items"], item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            field = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if field is None:
                yield f"{path}.{name} is not a field of {schema.get('id', 'it')}"
            else:
                yield from value_problems(api, field, item, f"{path}.{name}")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path} is {value!r}: expected one of {schema['enum']}"
