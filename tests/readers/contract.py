"""The rules of the service requests in their contract, read by the library of its standard. For oracle.py."""

import datetime
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyodcs

PATH = Path(__file__).parents[2] / "contracts/service_requests.odcs.yaml"


@dataclass(frozen=True)
class WardModel:
    size: int
    in_force_from: datetime.date
    wards: dict[int, str]


class Contract:
    def __init__(self) -> None:
        self.document = pyodcs.parse(PATH.read_text("utf-8"))["contract"]

    def columns(self, table: str) -> dict[str, dict]:
        schema = next(schema for schema in self.document["schema"] if schema["name"] == table)
        return {column["name"]: column for column in schema["properties"]}

    def custom(self, table: str, column: str, name: str) -> object:
        properties = self.columns(table)[column]["customProperties"]
        return next(entry["value"] for entry in properties if entry["property"] == name)

    @cached_property
    def divisions(self) -> list[str]:
        return self.custom("published_requests", "division", "knownValues")

    @cached_property
    def sections(self) -> list[str]:
        return self.custom("published_requests", "section", "knownValues")

    @cached_property
    def statuses(self) -> list[str]:
        return self.custom("service_requests", "status", "allowedValues")

    @cached_property
    def status_spellings(self) -> dict[str, str]:
        return self.custom("service_requests", "status", "sourceSpellings")

    @cached_property
    def ward_models(self) -> list[WardModel]:
        """Returns the models, oldest first."""
        return [
            WardModel(
                model["model"],
                datetime.date.fromisoformat(model.get("inForceFrom", "0001-01-01")),
                {ward["id"]: ward["name"] for ward in model["wards"]},
            )
            for model in self.custom("service_requests", "ward_model", "wardModels")
        ]
