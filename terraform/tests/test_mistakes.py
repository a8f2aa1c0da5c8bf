"""Common mistakes, planted one at a time: each has to be caught by terraform or by a policy."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

import policies
from conftest import EVERYTHING, MODULE, RefusedError, Terraform, copy_of_module

MISTAKES = yaml.safe_load((MODULE / "tests/mistakes.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def module(newest: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to plant mistakes in, initialised."""
    copy = copy_of_module(tmp_path_factory.mktemp("mistakes"))
    shutil.copy(newest.module / "backend_override.tf", copy)
    shutil.copytree(newest.module / ".terraform", copy / ".terraform")
    return copy


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["name"].replace(" ", "-"))
def test_is_caught(mistake: dict, module: Path, newest: Terraform) -> None:
    file = module / mistake["file"]
    sound = file.read_text("utf-8")
    assert mistake["right"] in sound, "the mistake cannot be planted: the module has changed"
    file.write_text(sound.replace(mistake["right"], mistake["wrong"]), "utf-8")
    variables = EVERYTHING | {"publish_site": False} | mistake.get("variables", {})
    try:
        complaint = "\n".join(policies.violations(newest.plan(variables, module)))
    except RefusedError as refused:
        complaint = str(refused)
    finally:
        file.write_text(sound, "utf-8")
    assert re.search(re.escape(mistake["caught"]), re.sub(r"\s+", " ", complaint)), complaint or "no error was reported"
