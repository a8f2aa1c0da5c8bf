"""Validates the descriptions of a release with their communities' validators, without a network.

`python release.py FOLDER` prints what is wrong with the RO-Crate by roc-validator and with the citation by cffconvert.
The JSON-LD context is the one that the package `rocrate` ships, which has every term of RO-Crate 1.2.
"""

import importlib.resources
import json
import pathlib
import sys
import tempfile

import requests
from cffconvert import Citation
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from rocrate_validator.models import Severity
from rocrate_validator.services import validate
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.2/context"


class Shipped(HTTPAdapter):
    """Answers with the shipped context."""

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        context = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").open("rb")
        headers = {"Content-Type": "application/ld+json"}
        answer = HTTPResponse(context, headers, 200, preload_content=False, request_url=request.url)
        return self.build_response(request, answer)


def research_object(folder: pathlib.Path, cache: str) -> list[str]:
    with CachedSession(cache, backend="sqlite") as session:
        session.mount("https://", Shipped())
        session.get(CONTEXT)
    settings = {
        "rocrate_uri": str(folder),
        "profile_identifier": "ro-crate-1.2",
        "requirement_severity": Severity.REQUIRED,
        "offline": True,
        "cache_path": cache,
    }
    return [f"{issue.check.identifier}: {issue.message}" for issue in validate(settings).get_issues()]


def citation(folder: pathlib.Path) -> list[str]:
    try:
        Citation((folder / "CITATION.cff").read_text("utf-8")).validate()
    except Exception as error:
        return [f"CITATION.cff: {str(error).splitlines()[0]}"]
    return []


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as temporary:
        wrong = research_object(folder, f"{temporary}/cache") + citation(folder)
    json.dump({"wrong": wrong}, sys.stdout)
