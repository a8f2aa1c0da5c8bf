"""Shared fixtures: a copy of the module, the real terraform, and the stand-in provider."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "terraform"
# Both ends of the range in versions.tf: the folder of each is named after the provider's version.
PROVIDERS = sorted((ROOT / ".deps/provider").glob("*/schema.json"))
COMMAND = shlex.split(os.environ.get("TERRAFORM", "terraform"))
SERVER = MODULE / "tests/provider/server.py"

VARIABLES = {"project_id": "toronto-311-test", "region": "northamerica-northeast1"}
EVERYTHING = VARIABLES | {
    "alert_emails": ["data-team@example.org"],
    "build_repository": "projects/p/locations/us-central1/connections/c/repositories/n",
    "environment": {"OPENLINEAGE_URL": "https://marquez.example.org"},
    "github_repository": "example/toronto-311",
    "monthly_budget": 50,
    "publish_site": True,
}


def variables() -> dict[str, tuple[str, str]]:
    """Returns by name the stages that read each environment variable, and its meaning, from the generated table."""
    table = (ROOT / "docs/configuration.md").read_text("utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| [^|]* \| ([^|]*) \| (.*) \|$", table, re.M)
    return {name: (stages, meaning) for name, stages, meaning in rows}


def copy_of_module(destination: Path) -> Path:
    """Copies the module and the files that it reads to a place where terraform may write."""
    shutil.copytree(ROOT / "contracts", destination / "contracts")
    shutil.copytree(ROOT / "docs", destination / "docs")
    ignored = shutil.ignore_patterns(".terraform*", "*.py", "__pycache__", "*.tfvars")
    shutil.copytree(MODULE, destination / "terraform", ignore=ignored)
    return destination / "terraform"


class Terraform:
    """The real terraform with the stand-in for one version of the provider."""

    def __init__(self, schema: Path, directory: Path) -> None:
        self.version = json.loads(schema.read_text("utf-8"))["version"]
        self.module = copy_of_module(directory)
        binary = (
            directory
            / f"mirror/registry.terraform.io/hashicorp/google/{self.version}/linux_amd64"
            / f"terraform-provider-google_v{self.version}"
        )
        binary.parent.mkdir(parents=True)
        binary.write_text(f'#!/bin/sh\nexec {sys.executable} {SERVER} {schema} "$@"\n')
        binary.chmod(0o755)
        configuration = directory / "terraformrc"
        mirror = json.dumps(str(directory / "mirror"))
        configuration.write_text(
            "disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = "
            + mirror
            + "\n  }\n}\n"
        )
        self.environment = os.environ | {"TF_CLI_CONFIG_FILE": str(configuration), "TF_IN_AUTOMATION": "1"}
        self.initialised = self.run(self.module, "init", "-input=false", "-backend=false")
        # Plans need a state, even if it is empty.
        (self.module / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        self.run(self.module, "init", "-input=false")

    def attach(self, schema: Path, stack: contextlib.ExitStack) -> None:
        """Serves the provider to all later commands from one process."""
        server = stack.enter_context(
            subprocess.Popen(
                [sys.executable, SERVER, schema, "--reattach"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(server.stdin.close)
        self.environment["TF_REATTACH_PROVIDERS"] = server.stdout.readline()

    def run(self, module: Path, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*COMMAND, *arguments, "-no-color"],
            cwd=module,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def plan(self, variables: dict, module: Path | None = None, *arguments: str) -> dict:
        """Returns the plan for an empty project, as JSON. Fails with terraform's error."""
        module = module or self.module
        (module / "test.tfvars.json").write_text(json.dumps(variables))
        options = ("-input=false", "-refresh=false", "-lock=false", "-out=plan", "-var-file=test.tfvars.json")
        made = self.run(module, "plan", *options, *arguments)
        if made.returncode != 0:
            raise RefusedError(made.stdout + made.stderr)
        return json.loads(self.run(module, "show", "-json", "plan").stdout)


class RefusedError(Exception):
    """Returns terraform's errors about a configuration."""


@pytest.fixture(scope="session", params=PROVIDERS, ids=lambda schema: f"google-{schema.parent.name}")
def terraform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """terraform with each end of the range of provider versions."""
    made = Terraform(request.param, tmp_path_factory.mktemp("terraform"))
    with contextlib.ExitStack() as stack:
        made.attach(request.param, stack)
        yield made


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """terraform with the newest version of the provider."""
    made = Terraform(PROVIDERS[-1], tmp_path_factory.mktemp("newest"))
    with contextlib.ExitStack() as stack:
        made.attach(PROVIDERS[-1], stack)
        yield made


@pytest.fixture(scope="session")
def plan(newest: Terraform) -> dict:
    """The plan with the defaults."""
    return newest.plan(VARIABLES)


@pytest.fixture(scope="session")
def full_plan(newest: Terraform) -> dict:
    """The plan with every option."""
    return newest.plan(EVERYTHING)
