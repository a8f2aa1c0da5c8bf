"""Checks the module with terraform, at both ends of the range of provider versions."""

import re

from conftest import EVERYTHING, MODULE, PROVIDERS, Terraform
from provider.schema import used_types


def test_both_ends_of_the_range_are_checked() -> None:
    lower, upper = re.search(r'version = ">= ([\d.]+), < ([\d.]+)"', (MODULE / "versions.tf").read_text()).groups()
    tried = [schema.parent.name for schema in PROVIDERS]
    assert tried[0].startswith(lower)
    assert int(tried[-1].split(".")[0]) == int(upper.split(".")[0]) - 1


def test_grants_are_single_and_there_are_no_keys() -> None:
    """A binding or a policy would revoke what others granted."""
    kinds = {name.split()[1] for name in used_types(MODULE)}
    assert not {kind for kind in kinds if kind.endswith(("_iam_binding", "_iam_policy", "_access", "_key"))}


def test_format(terraform: Terraform) -> None:
    checked = terraform.run(MODULE, "fmt", "-check", "-diff", "-recursive")
    assert checked.returncode == 0, checked.stdout


def test_init_and_validate(terraform: Terraform) -> None:
    assert terraform.initialised.returncode == 0, terraform.initialised.stderr
    assert f"hashicorp/google v{terraform.version}" in terraform.initialised.stdout
    validated = terraform.run(terraform.module, "validate")
    assert validated.returncode == 0, validated.stdout + validated.stderr


def test_variables_and_options(terraform: Terraform) -> None:
    tested = terraform.run(terraform.module, "test")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert " passed, 0 failed" in tested.stdout


def test_plan_with_every_option(terraform: Terraform) -> None:
    changes = terraform.plan(EVERYTHING)["resource_changes"]
    assert {action for change in changes for action in change["change"]["actions"]} <= {"create", "read"}
