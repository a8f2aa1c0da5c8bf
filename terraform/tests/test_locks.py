"""Lock files: every package has a digest of its content, and comes from a registry, not from an address of its own."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from conftest import ROOT

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", pattern], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", tracked("*package-lock.json"), ids=relative)
def test_packages_of_npm(path: Path) -> None:
    lock = json.loads(path.read_text("utf-8"))
    assert lock["lockfileVersion"] == 3
    for name, package in lock["packages"].items():
        if name:
            assert re.fullmatch(r"sha512-[\w+/]{86}==", package["integrity"]), name
            # Without it, npm takes the package from the registry that it is configured for.
            assert "resolved" not in package, name
            assert "hasInstallScript" not in package, f"{name} runs a program when it is installed"


@pytest.mark.parametrize("path", tracked("dev/python/*.lock"), ids=relative)
def test_packages_of_pypi(path: Path) -> None:
    assert path.with_suffix(".in").exists()
    text = re.sub(r"^ *#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    for line in text.replace(" \\\n", "").splitlines():
        # Options, such as another index, and packages at an address have another form.
        assert re.fullmatch(r"[\w.-]+==[\w.!+]+( ; [^\\]+?)?(    --hash=sha256:[0-9a-f]{64})+", line), line


@pytest.mark.parametrize("path", tracked("*Cargo.lock"), ids=relative)
def test_crates(path: Path) -> None:
    for crate in tomllib.loads(path.read_text("utf-8"))["package"]:
        # What has no source is in this repository.
        if "source" in crate:
            assert crate["source"] == CRATES_IO, crate["name"]
            assert re.fullmatch(r"[0-9a-f]{64}", crate["checksum"]), crate["name"]
