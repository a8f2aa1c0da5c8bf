"""Writes a bill of materials in CycloneDX 1.6 for each image: python dev/sbom.py FOLDER

It lists what an image has of its own: the crates in its binary, and for dbt-runner the packages of dbt and of the page.
The base image has its own packages, which the scan of the registry lists. The same sources result in the same bytes.
"""

import functools
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
JOBS = ("extract-job", "transform-job", "load-job", "dbt-runner")
TARGET = "x86_64-unknown-linux-gnu"
Crate = tuple[str, str]
# `2 serde_derive v1.0.229 (proc-macro) MIT OR Apache-2.0`
CRATE = re.compile(
    r"(?P<depth>\d+) (?P<name>\S+) v(?P<version>\S+)(?P<kind>(?: \(\S*\))*) (?P<licence>.*?)(?: \(\*\))?$"
)


def component(kind: str, name: str, version: str, licence: str | None = None, sha: str | None = None) -> Component:
    namespace, _, base = name.rpartition("/")
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        # A crate of this repository has neither a digest nor a place in a registry.
        purl=None if kind == "cargo" and sha is None else PackageURL(kind, namespace or None, base, version),
        bom_ref=f"{kind}:{name}@{version}",
        licenses=[LicenseFactory().make_from_string(licence)] if licence else (),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha)] if sha else (),
    )


@functools.cache
def crate_graph() -> tuple[dict[Crate, set[Crate]], dict[Crate, str | None]]:
    """Returns what each crate needs, and its licence; `None` if it runs in the compiler."""
    options = ("--locked", "--workspace", "--edges=normal", "--prefix=depth", f"--target={TARGET}", "--format= {p} {l}")
    tree = subprocess.run(["cargo", "tree", *options], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    needs, licences, path = defaultdict(set), {}, []
    for line in filter(None, tree.splitlines()):
        found = CRATE.fullmatch(line)
        crate = (found["name"], found["version"])
        del path[int(found["depth"]) :]
        if path:
            needs[path[-1]].add(crate)
        path.append(crate)
        licences[crate] = None if "(proc-macro)" in found["kind"] else found["licence"]
    return needs, licences


def crates_of(job: str) -> Iterator[Component]:
    """Yields the crates that are linked into a job's binary."""
    needs, licences = crate_graph()
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text("utf-8"))["package"]
    checksums = {(crate["name"], crate["version"]): crate.get("checksum") for crate in lock}
    (start,) = (crate for crate in needs if crate[0] == job)
    reached, left = set(), [start]
    while left:
        crate = left.pop()
        if crate not in reached and licences[crate] is not None:
            reached.add(crate)
            left.extend(needs[crate])
    for name, version in sorted(reached - {start}):
        yield component("cargo", name, version, licences[name, version], checksums[name, version])


def packages_of_dbt() -> Iterator[Component]:
    lock = (ROOT / "dev/python/dbt-bigquery.lock").read_text("utf-8")
    for name, version in re.findall(r"^([\w.-]+)==([\w.!+]+)", lock, re.MULTILINE):
        yield component("pypi", name, version)


def packages_of_page() -> Iterator[Component]:
    lock = json.loads((ROOT / "dashboard/package-lock.json").read_text("utf-8"))
    for path, package in sorted(lock["packages"].items()):
        if path and not package.get("dev"):
            yield component("npm", path.rpartition("node_modules/")[2], package["version"], package.get("license"))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for job in JOBS:
        bom = Bom(components=crates_of(job))
        if job == "dbt-runner":
            bom.components.update(packages_of_dbt(), packages_of_page())
        bom.metadata.component = Component(name=job, type=ComponentType.CONTAINER, bom_ref=job)
        bom.register_dependency(bom.metadata.component, bom.components)
        document = json.loads(JsonV1Dot6(bom).output_as_string())
        # Both differ from run to run.
        del document["serialNumber"], document["metadata"]["timestamp"]
        text = json.dumps(document, indent=1) + "\n"
        if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
            sys.exit(f"the bill of materials of {job} is not CycloneDX: {problem}")
        (folder / f"{job}.cdx.json").write_text(text, "utf-8")
        print(f"{job}: {len(bom.components)} components")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
