"""The locks as tests read them, and a folder with a newer release of each of their packages."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING
from zipfile import ZipFile

from packaging.requirements import Requirement

from local_stack.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LOCKS = sorted(ROOT.glob("requirements*.txt"))
NEWER = "9999"
"""The version of every decoy."""
HASH = r" \\\n    --hash=sha256:[0-9a-f]{64}"


def blocks(text: str) -> dict[str, str]:
    """The lines of a lock by package: what is required, with its hashes."""
    found = re.findall(rf"^((\S+?)==.*?(?:{HASH})+\n)", text, re.MULTILINE)
    return {name: block for block, name in found}


def pins(lock: Path) -> dict[str, str]:
    """The version of each package of a lock, on whatever machine."""
    found: dict[str, str] = {}
    for name, block in blocks(lock.read_text("utf-8")).items():
        requirement = Requirement(block.partition(" \\\n")[0])
        found[name] = str(requirement.specifier).removeprefix("==")
    return found


def locked(lock: Path) -> dict[str, str]:
    """The version of each package of a lock that this machine and this Python need."""
    text = blocks(lock.read_text("utf-8"))
    every = {name: Requirement(block.partition(" \\\n")[0]) for name, block in text.items()}
    versions = pins(lock)
    return {
        name: versions[name]
        for name, requirement in every.items()
        if requirement.marker is None or requirement.marker.evaluate()
    }


def excerpt(lock: Path, names: Collection[str]) -> str:
    """The lines of some of a lock's packages."""
    found = blocks(lock.read_text("utf-8"))
    return "".join(found[name] for name in sorted(names))


def make_decoys(folder: Path) -> None:
    """Write a newer release of every locked package, with nothing inside."""
    for name in {name for lock in LOCKS for name in pins(lock)}:
        stem = f"{name.replace('-', '_')}-{NEWER}"
        files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {NEWER}\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = f"{stem}.dist-info/RECORD,,\n"
        with ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            for file, text in files.items():
                digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
                wheel.writestr(f"{stem}.dist-info/{file}", text)
                said = digest.decode().rstrip("=")
                record += f"{stem}.dist-info/{file},sha256={said},{len(text)}\n"
            wheel.writestr(f"{stem}.dist-info/RECORD", record)
