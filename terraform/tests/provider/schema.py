"""The schema of a Terraform provider, read from the bindings that CDK Terrain generates from it.

The bindings (PyPI `cdktn-provider-google`) have one JavaScript class per resource and block. A comment above each
member says whether it is computed, optional or required; the tables of `...ToHclTerraform` say its type and whether it
is a block; the documentation in the declarations lists the values that an enumeration may take.
"""

import io
import json
import re
import sys
import tarfile
from pathlib import Path

CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{(.*?)^\}", re.M | re.S)
MEMBER = re.compile(r"^    // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n", re.M)
TABLE = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.M | re.S)
ENTRY = re.compile(
    r'^ +(\w+): \{\n +value: (.*),\n +isBlock: (\w+),\n +type: "(\w+)",\n +storageClassType: "(\w+)",', re.M
)
COMPLEX = re.compile(r'new (?:cdktn\.)?(\w+)\(this, "\w+"(?:, (\w+))?\)')
GETTER = re.compile(r"return (.*this\.(get\w+Attribute)\(.*);")
INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{(.*?)^\}", re.M | re.S)
DOCUMENTED = re.compile(r"/\*\*((?:(?!\*/).)*?)#\w+ \w+#(\w+)\}.*?\*/", re.S)
VALUES = re.compile(r"Possible values:? \[([^\]]+)\]")
TYPE_NAME = re.compile(r"static tfResourceType = \"(\w+)\"")

SCALARS = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
SHAPES = {"List": "list", "Set": "set", "Map": "map"}


class Binding:
    """The JavaScript and the declarations of one resource, data source or provider."""

    def __init__(self, javascript: str, declarations: str) -> None:
        found = CLASS.findall(javascript)
        self.bases = {name: base for name, base, _ in found}
        self.bodies = {name: body for name, _, body in found}
        self.tables = {stem[0].upper() + stem[1:]: entries_of(body) for stem, body in TABLE.findall(javascript)}
        self.values = documented_values(declarations)
        self.main = next(name for name, base in self.bases.items() if base.startswith("Terraform"))

    @property
    def type_name(self) -> str | None:
        match = TYPE_NAME.search(self.bodies[self.main])
        return match and match.group(1)

    def schema(self) -> dict:
        body = self.bodies[self.main]
        return self.block(body, entries_of(body), self.main + "Config")

    def struct(self, stem: str) -> dict:
        """The block of the class that refers to a struct; a provider's blocks have a table only."""
        body = self.bodies.get(stem + "OutputReference")
        table = self.tables.get(stem, {})
        if body is None:
            members = [(name, False, True, False, "") for name in table]
            return self.members(members, table, stem)
        return self.block(body, table, stem)

    def block(self, body: str, table: dict, interface: str) -> dict:
        found = list(MEMBER.finditer(body))
        ends = [match.start() for match in found[1:]] + [len(body)]
        members = [
            (match[1], *(flag == "true" for flag in match.groups()[1:]), body[match.end() : end])
            for match, end in zip(found, ends)
        ]
        return self.members(members, table, interface)

    def members(self, members: list, table: dict, interface: str) -> dict:
        attributes, blocks = {}, {}
        for name, computed, optional, required, code in members:
            value, is_block, kind, storage = table.get(name, (None, False, None, None))
            if is_block:
                stem = re.search(r"(\w+)ToHclTerraform", value).group(1)
                blocks[name] = {
                    "nesting": "single" if kind == "struct" else kind,
                    "min": int(required and kind != "struct"),
                    "max": 0 if kind == "struct" or "listMapper" in value else 1,
                    "block": self.struct(stem[0].upper() + stem[1:]),
                }
                continue
            attributes[name] = {
                "type": self.type_of(kind, storage, code),
                "computed": computed,
                "optional": optional or not (computed or required),
                "required": required,
            }
            if values := self.values.get((interface, name)):
                attributes[name]["values"] = values
        return {"attributes": attributes, "blocks": blocks}

    def type_of(self, kind: str | None, storage: str | None, code: str) -> str | list:
        """The type of an attribute, from its entry in a table if it can be set, else from how it is read."""
        if kind == "simple" and storage in SCALARS:
            return SCALARS[storage]
        if storage and (match := re.fullmatch(r"(string|number|boolean|any)(List|Set|Map)", storage)):
            return [kind, SCALARS[match[1]]]
        if match := COMPLEX.search(code):
            return self.complex_type(match[1], as_set=match[2] == "true")
        expression, getter = GETTER.search(code).groups()
        kind = re.fullmatch(r"get(String|Number|Boolean|Any)?(Map|List)?Attribute", getter)
        scalar = SCALARS[(kind[1] or "String").lower()]
        if kind[2] is None:
            return scalar
        return ["set" if "tolist(" in expression else kind[2].lower(), scalar]

    def complex_type(self, name: str, as_set: bool) -> list:
        if match := re.fullmatch(r"(String|Number|Boolean|Any)Map(List)?", name):
            inner = ["map", SCALARS[match[1].lower()]]
            return ["list", inner] if match[2] else inner
        many = self.bases[name] in ("ComplexList", "ComplexMap")
        stem = name.removesuffix("List" if many else "OutputReference")
        inner = object_type(self.struct(stem))
        if not many:
            return inner
        return ["map" if self.bases[name] == "ComplexMap" else "set" if as_set else "list", inner]


def entries_of(body: str) -> dict:
    return {
        name: (value, is_block == "true", kind, storage) for name, value, is_block, kind, storage in ENTRY.findall(body)
    }


def documented_values(declarations: str) -> dict:
    values = {}
    for interface, body in INTERFACE.findall(declarations):
        for text, name in DOCUMENTED.findall(body):
            if match := VALUES.search(text):
                values[interface, name] = re.findall(r'"([^"]*)"', match[1])
    return values


def object_type(block: dict) -> list:
    fields = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block["blocks"].items():
        inner = object_type(nested["block"])
        fields[name] = inner if nested["nesting"] == "single" else [nested["nesting"], inner]
    return ["object", fields]


def read(package: Path, types: set[str]) -> dict:
    """The version of the provider in an installed `cdktn-provider-google`, and the schemas of `types` and of its own.

    `types` are as in the configuration: `resource google_project_service`, `data google_project`.
    """
    archive = next(package.glob("cdktn_provider_google/_jsii/*.tgz"))
    folders = {"provider": None}
    for name in types:
        kind, type_name = name.split()
        prefix = "data-google-" if kind == "data" else ""
        folders[prefix + type_name.removeprefix("google_").replace("_", "-")] = name
    texts, version = {}, None
    with tarfile.open(archive, mode="r:gz") as tar:
        for member in tar:
            parts = member.name.split("/")
            if member.name == "package/package.json":
                version = json.load(tar.extractfile(member))["cdktn"]["provider"]["version"]
            elif len(parts) == 4 and parts[2] in folders and parts[3] in ("index.js", "index.d.ts"):
                texts[parts[2], parts[3]] = io.TextIOWrapper(tar.extractfile(member), "utf-8").read()
    schemas = {}
    for folder, name in folders.items():
        if (folder, "index.js") in texts:
            binding = Binding(texts[folder, "index.js"], texts[folder, "index.d.ts"])
            assert name is None or binding.type_name == name.split()[1], name
            schemas[name or "provider"] = binding.schema()
    return {"version": version, "schemas": schemas}


def used_types(configuration: Path) -> set[str]:
    """Returns the types that the files of a Terraform module use."""
    declaration = re.compile(r'^(resource|data) "(\w+)"', re.M)
    texts = [file.read_text("utf-8") for file in sorted(configuration.glob("*.tf"))]
    return {" ".join(match) for text in texts for match in declaration.findall(text)}


if __name__ == "__main__":
    package, configuration, output = map(Path, sys.argv[1:])
    output.write_text(json.dumps(read(package, used_types(configuration))), "utf-8")
