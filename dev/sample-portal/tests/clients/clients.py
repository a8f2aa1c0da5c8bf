"""Lists, shows and downloads from the portal at the given address with independent clients. Prints their results."""

import io
import json
import sys
import tempfile
import zipfile
from pathlib import Path

import ckanapi
import requests
from toronto_open_data import TorontoOpenData
from toronto_open_data.config import config

PACKAGE = "311-service-requests-customer-initiated"


def by_ckanapi(address: str, get_only: bool) -> dict:
    """CKAN's own client, by POST or by GET."""
    with ckanapi.RemoteCKAN(address, get_only=get_only) as ckan:
        package = ckan.action.package_show(id=PACKAGE)
        try:
            ckan.action.package_show(id="nothing")
            missing = None
        except ckanapi.NotFound as error:
            missing = type(error).__name__
        table = ckan.action.package_show(id="city-wards")["resources"][0]
        years = {}
        for resource in package["resources"]:
            if resource["format"] == "ZIP":
                shown = ckan.action.resource_show(id=resource["id"])
                # A link is followed through CKAN's own address, too.
                file_name = shown["url"].rsplit("/", 1)[1]
                own = f"{address}/dataset/{package['id']}/resource/{resource['id']}/download/{file_name}"
                direct, followed = (requests.get(url, timeout=30) for url in (shown["url"], own))
                direct.raise_for_status()
                with zipfile.ZipFile(io.BytesIO(direct.content)) as archive:
                    (name,) = archive.namelist()
                    lines = archive.read(name).count(b"\r\n")
                years[name] = {"lines": lines, "same": direct.content == followed.content}
        return {
            "packages": ckan.action.package_list(),
            "title": package["title"],
            "found": ckan.action.package_search(q="service requests")["count"],
            "missing": missing,
            "wards": len(ckan.action.datastore_search(resource_id=table["id"], limit=100)["records"]),
            "years": years,
        }


def by_toronto_open_data(address: str) -> dict:
    """The client of the City's portal."""
    config.API_BASE_URL = address
    with tempfile.TemporaryDirectory() as cache:
        portal = TorontoOpenData(cache_path=cache)
        downloaded = portal.download_dataset(PACKAGE)
        link = portal.load(PACKAGE, "311 Service Requests 2021", smart_return=False)
        readme = Path(cache) / PACKAGE / "311 Service Requests Readme"
        portal.download_dataset("city-wards")
        wards = portal.load("city-wards", "City Wards Data - 4326.csv")
        (table,) = portal.get_datastore_resources("city-wards", as_frame=False)
        return {
            "packages": portal.list_all_datasets(as_frame=False),
            "found": [package["name"] for package in portal.search_datasets("wards", as_frame=False)],
            "downloaded": downloaded,
            "link": zipfile.is_zipfile(link),
            "readme": sorted(zipfile.ZipFile(readme).namelist())[0],
            "wards": [len(wards), len(portal.datastore_search(table["id"]))],
            "missing": portal.get_dataset_info("nothing"),
        }


def main() -> None:
    # The clients print their progress; the answer is the last line.
    (address,) = sys.argv[1:]
    answer = {
        "post": by_ckanapi(address, get_only=False),
        "get": by_ckanapi(address, get_only=True),
        "toronto_open_data": by_toronto_open_data(address),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
