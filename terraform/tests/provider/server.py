"""A stand-in for the Terraform provider hashicorp/google: its schema, without its cloud.

Serves a schema that `schema.py` read to the real terraform, over plugin protocol 6. Terraform itself checks what the
schema says; this process adds what the provider would refuse besides: values outside a documented list, what only the
provider sets, and `rules.json`. It plans as a provider does before anything exists: what only the cloud knows is
unknown. It cannot apply. The provider's own plan logic and the cloud's answers are not imitated.

    server.py SCHEMA              started by terraform from a mirror of providers
    server.py SCHEMA --reattach   prints what TF_REATTACH_PROVIDERS is set to, and serves until standard input ends
"""

import base64
import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import msgpack
from tf.gen import grpc_controller_pb2, grpc_controller_pb2_grpc, tfplugin_pb2, tfplugin_pb2_grpc
from tf.runner import _self_signed_cert

ADDRESS = "registry.terraform.io/hashicorp/google"
UNKNOWN = msgpack.ExtType(0, b"\0")
NESTING = {"single": 1, "list": 2, "set": 3}
RULES = json.loads(Path(__file__).with_name("rules.json").read_text("utf-8"))


def encoded(value: object) -> tfplugin_pb2.DynamicValue:
    return tfplugin_pb2.DynamicValue(msgpack=msgpack.packb(value))


def decoded(value: tfplugin_pb2.DynamicValue) -> dict | None:
    return msgpack.unpackb(value.msgpack) if value.msgpack else json.loads(value.json or "null")


def protocol_block(block: dict) -> tfplugin_pb2.Schema.Block:
    """Returns a block of the schema in the protocol's format."""
    attributes = [
        tfplugin_pb2.Schema.Attribute(
            name=name,
            type=json.dumps(attribute["type"]).encode(),
            **{flag: attribute[flag] for flag in ("computed", "optional", "required")},
        )
        for name, attribute in block["attributes"].items()
    ]
    nested = [
        tfplugin_pb2.Schema.NestedBlock(
            type_name=name,
            block=protocol_block(child["block"]),
            nesting=NESTING[child["nesting"]],
            min_items=child["min"],
            max_items=child["max"],
        )
        for name, child in block["blocks"].items()
    ]
    return tfplugin_pb2.Schema.Block(attributes=attributes, block_types=nested)


def children(nesting: str, value: object) -> list:
    """Returns the known nested blocks."""
    if value is None or isinstance(value, msgpack.ExtType):
        return []
    found = [value] if nesting == "single" else value
    return [child for child in found if isinstance(child, dict)]


def problems_of_block(block: dict, value: dict, path: str = "") -> Iterator[str]:
    """Lists violations of the documentation."""
    for name, attribute in block["attributes"].items():
        given = value.get(name)
        if given is None or isinstance(given, msgpack.ExtType):
            continue
        if attribute["computed"] and not attribute["optional"]:
            yield f"{path}{name} is decided by the provider and cannot be set"
        for item in given if isinstance(given, list) else [given]:
            values = attribute.get("values")
            if values and isinstance(item, str) and item not in values:
                yield f"{path}{name} is {item!r}: expected one of {values}"
    for name, nested in block["blocks"].items():
        for child in children(nested["nesting"], value.get(name)):
            yield from problems_of_block(nested["block"], child, f"{path}{name}.")


def at(value: object, path: list[str]) -> Iterator[object]:
    """Returns the known values at a path, through lists."""
    if isinstance(value, list):
        for item in value:
            yield from at(item, path)
    elif not path:
        if value is not None and not isinstance(value, msgpack.ExtType):
            yield value
    elif isinstance(value, dict):
        yield from at(value.get(path[0]), path[1:])


def problems_of_rules(type_name: str, value: dict) -> Iterator[str]:
    """Lists violations of the provider's own checks."""
    for path, rule in (RULES["*"] | RULES.get(type_name, {})).items():
        for key, most in (("one_of", 1), ("at_most_one_of", 0)):
            for group in rule.get(key, []):
                given = [name for name in group if value.get(name) not in (None, [], {})]
                if len(given) > 1 or len(given) < most:
                    yield f"{key} {group}: found {given}"
        for found in at(value, path.split(".")) if path else []:
            if "match" in rule and not re.fullmatch(rule["match"], str(found)):
                yield f"{path} is {found!r}: expected {rule['match']}"
            if "values" in rule and found not in rule["values"]:
                yield f"{path} is {found!r}: expected one of {rule['values']}"
            if "keys" in rule and not set(found) <= set(rule["keys"]):
                yield f"{path} has {sorted(found)}: expected {rule['keys']}"


def planned(block: dict, value: dict) -> dict:
    """Returns the value with everything unknown that only the provider will know."""
    for name, attribute in block["attributes"].items():
        if attribute["computed"] and value.get(name) is None:
            value[name] = UNKNOWN
    for name, nested in block["blocks"].items():
        for child in children(nested["nesting"], value.get(name)):
            planned(nested["block"], child)
    return value


def invented(kind: str | list, name: str) -> object:
    """A value of a type, for a data source."""
    if isinstance(kind, str):
        return {"string": name, "number": 1, "bool": False, "dynamic": None}[kind]
    if kind[0] == "object":
        return {field: invented(inner, field) for field, inner in kind[1].items()}
    return {} if kind[0] == "map" else []


class Provider(tfplugin_pb2_grpc.ProviderServicer):
    def __init__(self, schemas: dict) -> None:
        self.provider = schemas.pop("provider")
        self.schemas = schemas
        self.configuration = {}

    def GetMetadata(
        self, request: tfplugin_pb2.GetMetadata.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.GetMetadata.Response:
        response = tfplugin_pb2.GetMetadata.Response()
        for name in self.schemas:
            kind, type_name = name.split()
            (response.resources if kind == "resource" else response.data_sources).add(type_name=type_name)
        return response

    def GetProviderSchema(
        self, request: tfplugin_pb2.GetProviderSchema.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.GetProviderSchema.Response:
        response = tfplugin_pb2.GetProviderSchema.Response()
        response.provider.block.CopyFrom(protocol_block(self.provider))
        for name, schema in self.schemas.items():
            kind, type_name = name.split()
            kinds = response.resource_schemas if kind == "resource" else response.data_source_schemas
            kinds[type_name].block.CopyFrom(protocol_block(schema))
        return response

    def ValidateProviderConfig(
        self, request: tfplugin_pb2.ValidateProviderConfig.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.ValidateProviderConfig.Response:
        return tfplugin_pb2.ValidateProviderConfig.Response()

    def ConfigureProvider(
        self, request: tfplugin_pb2.ConfigureProvider.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.ConfigureProvider.Response:
        self.configuration = decoded(request.config)
        return tfplugin_pb2.ConfigureProvider.Response()

    def ValidateResourceConfig(
        self, request: tfplugin_pb2.ValidateResourceConfig.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.ValidateResourceConfig.Response:
        value = decoded(request.config)
        problems = [
            *problems_of_block(self.schemas[f"resource {request.type_name}"], value),
            *problems_of_rules(request.type_name, value),
        ]
        response = tfplugin_pb2.ValidateResourceConfig.Response()
        for problem in problems:
            response.diagnostics.add(severity=1, summary=problem)
        return response

    def ValidateDataResourceConfig(
        self, request: tfplugin_pb2.ValidateDataResourceConfig.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.ValidateDataResourceConfig.Response:
        return tfplugin_pb2.ValidateDataResourceConfig.Response()

    def UpgradeResourceState(
        self, request: tfplugin_pb2.UpgradeResourceState.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.UpgradeResourceState.Response:
        state = tfplugin_pb2.DynamicValue(json=request.raw_state.json)
        return tfplugin_pb2.UpgradeResourceState.Response(upgraded_state=state)

    def ReadResource(
        self, request: tfplugin_pb2.ReadResource.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.ReadResource.Response:
        return tfplugin_pb2.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(
        self, request: tfplugin_pb2.PlanResourceChange.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.PlanResourceChange.Response:
        value = decoded(request.proposed_new_state)
        if value is not None:
            value = planned(self.schemas[f"resource {request.type_name}"], value)
            if request.type_name == "google_service_account":
                value |= self.service_account(value["account_id"])
            value |= self.labels(value)
        return tfplugin_pb2.PlanResourceChange.Response(planned_state=encoded(value), legacy_type_system=True)

    def service_account(self, account_id: str) -> dict:
        """Returns what the provider derives from an account's id without a request."""
        project = self.configuration["project"]
        email = f"{account_id}@{project}.iam.gserviceaccount.com"
        name = f"projects/{project}/serviceAccounts/{email}"
        return {"email": email, "member": f"serviceAccount:{email}", "id": name, "name": name}

    def labels(self, value: dict) -> dict:
        """Returns the labels that the provider adds to all resources that can have some."""
        if "effective_labels" not in value:
            return {}
        return {"effective_labels": (self.configuration["default_labels"] or {}) | (value["labels"] or {})}

    def ApplyResourceChange(
        self, request: tfplugin_pb2.ApplyResourceChange.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.ApplyResourceChange.Response:
        response = tfplugin_pb2.ApplyResourceChange.Response(new_state=request.prior_state)
        response.diagnostics.add(severity=1, summary="the stand-in provider has no cloud to apply to")
        return response

    def ReadDataSource(
        self, request: tfplugin_pb2.ReadDataSource.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.ReadDataSource.Response:
        value = decoded(request.config)
        for name, attribute in self.schemas[f"data {request.type_name}"]["attributes"].items():
            if attribute["computed"] and value.get(name) is None:
                value[name] = invented(attribute["type"], name)
        return tfplugin_pb2.ReadDataSource.Response(state=encoded(value))

    def StopProvider(
        self, request: tfplugin_pb2.StopProvider.Request, context: grpc.ServicerContext
    ) -> tfplugin_pb2.StopProvider.Response:
        return tfplugin_pb2.StopProvider.Response()


class Controller(grpc_controller_pb2_grpc.GRPCControllerServicer):
    """Terraform's way to end the process."""

    def __init__(self, ended: threading.Event) -> None:
        self.ended = ended

    def Shutdown(self, request: grpc_controller_pb2.Empty, context: grpc.ServicerContext) -> grpc_controller_pb2.Empty:
        self.ended.set()
        return grpc_controller_pb2.Empty()


def main(schema: Path, reattach: bool) -> None:
    ended = threading.Event()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    tfplugin_pb2_grpc.add_ProviderServicer_to_server(Provider(json.loads(schema.read_text("utf-8"))["schemas"]), server)
    grpc_controller_pb2_grpc.add_GRPCControllerServicer_to_server(Controller(ended), server)
    with tempfile.TemporaryDirectory() as directory:
        socket = f"{directory}/provider"
        if reattach:
            server.add_insecure_port(f"unix://{socket}")
            server.start()
            where = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "unix", "String": socket},
            }
            print(json.dumps({ADDRESS: where}), flush=True)
            sys.stdin.read()
        else:
            certificate, credentials = _self_signed_cert()
            server.add_secure_port(f"unix://{socket}", credentials)
            server.start()
            encoded_certificate = base64.b64encode(certificate).decode().rstrip("=")
            print(f"1|6|unix|{socket}|grpc|{encoded_certificate}", flush=True)
            ended.wait()
        server.stop(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--reattach" in sys.argv)
