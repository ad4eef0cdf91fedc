"""What is installed is what is locked, with any pip, whatever has been released since.

The index that is configured is asked, beside a folder in which every locked package has a newer
release, so that anything that resolves takes that one, or stumbles over it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from local_stack.processes import ROOT
from tests.installation.locks import NEWER, excerpt, locked, make_decoys

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

UV = ROOT / ".uv" / "bin" / "uv"
RUN, DEVELOPMENT = "requirements-run.txt", "requirements-dev.txt"
PIPS = [
    pytest.param(
        "pip==23.0.1",
        id="23.0.1",
        marks=pytest.mark.skipif(
            sys.version_info >= (3, 12), reason="that pip does not run on Python 3.12 and newer"
        ),
    ),
    pytest.param("pip", id="newest"),
]
"""Debian 12's, and whichever is the newest."""
OURS = "projectionist"
PYTEST = {"iniconfig", "packaging", "pluggy", "pygments", "pytest"}


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which every locked package has a newer release."""
    folder = tmp_path_factory.mktemp("decoys")
    make_decoys(folder)
    # What a make around this one was told is not meant for those that the tests run.
    aside = ("COV", "MAKE", "MFLAGS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(aside)}
    return inherited | {"PIP_FIND_LINKS": str(folder), "UV_FIND_LINKS": str(folder)}


@pytest.fixture(scope="module", params=PIPS)
def pip(request: pytest.FixtureRequest) -> str:
    """The pip that an interpreter brings."""
    return str(request.param)


@pytest.fixture(scope="module")
def python(pip: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter whose new environments have that pip."""
    script = tmp_path_factory.mktemp("python") / "python"
    script.write_text(
        f"""#!/bin/sh -e
[ "$1 $2 $3" = "-m venv --clear" ] || exec "{sys.executable}" "$@"
"{sys.executable}" -m venv --without-pip --clear "$4"
"{UV}" pip install --quiet --python "$4/bin/python" --upgrade {pip}
"""
    )
    script.chmod(0o755)
    return script


class Clone:
    """A copy of the project, and an environment in it."""

    def __init__(self, folder: Path, python: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self._python = python
        self._env = env

    def make(self, target: str) -> dict[str, str]:
        """Make a target; what is installed then."""
        run(["make", f"PYTHON={self._python}", target], self.folder, self._env)
        return installed(self.folder / ".venv" / "bin" / "python", self.folder)

    def locked(self, name: str) -> dict[str, str]:
        """What a lock says, and the project itself."""
        return locked(self.folder / name) | {OURS: project_version()}

    def lock(self, name: str, text: str) -> None:
        """Change a lock."""
        (self.folder / name).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def clone(python: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The project in a folder with spaces in its name, where nothing is installed."""
    folder = tmp_path_factory.mktemp("clone") / "films I have seen"
    left_out = (".*", "tests", "docs", "*.egg-info", "__pycache__")
    copytree(ROOT, folder, ignore=ignore_patterns(*left_out))
    return Clone(folder, python, env)


def run(command: list[str], folder: Path, env: dict[str, str]) -> str:
    """Run a command that succeeds; what it said."""
    done = attempt(command, folder, env)
    assert done.returncode == 0, done.stdout
    return done.stdout


def attempt(
    command: list[str], folder: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(  # noqa: S603  # our own
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def installed(python: Path, folder: Path) -> dict[str, str]:
    """The version of each package of an environment."""
    code = (
        "from importlib.metadata import distributions\n"
        "for one in distributions(): print(one.name, one.version)"
    )
    said = run([str(python), "-I", "-c", code], folder, dict(os.environ))
    pairs = (line.split() for line in said.splitlines())
    return {re.sub("[-_.]+", "-", name).lower(): version for name, version in pairs}


def project_version() -> str:
    """The version of the project."""
    found = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found
    return found[1]


def test_each_environment_is_what_its_lock_says(clone: Clone) -> None:
    assert clone.make("setup-run") == clone.locked(RUN)
    assert clone.make("setup") == clone.locked(DEVELOPMENT)
    assert clone.make("setup-run") == clone.locked(DEVELOPMENT), "it has all that running needs"


def test_a_changed_lock_is_followed_by_either_target(clone: Clone) -> None:
    for stamp in (clone.folder / ".venv").glob(".for-*"):
        stamp.unlink()
    before = (clone.folder / RUN).read_text("utf-8")
    clone.lock(RUN, before + excerpt(ROOT / DEVELOPMENT, {"iniconfig"}))
    assert "iniconfig" in clone.make("setup-run")
    clone.lock(RUN, before)
    assert clone.make("setup-run") == clone.locked(RUN)

    names = locked(ROOT / DEVELOPMENT).keys()
    clone.lock(DEVELOPMENT, excerpt(ROOT / DEVELOPMENT, names - {"types-psutil"}))
    changed = clone.locked(DEVELOPMENT)
    assert clone.make("setup") == changed
    clone.lock(DEVELOPMENT, (ROOT / DEVELOPMENT).read_text("utf-8"))
    assert clone.make("setup-run") == clone.locked(DEVELOPMENT) != changed


def test_pip_installs_the_lock_where_it_is_used_alone(
    python: Path, pip: str, env: dict[str, str], tmp_path: Path
) -> None:
    """As the Dockerfile does; and without `--no-deps`, a newer release is an old pip's end."""
    run([str(python), "-m", "venv", "--clear", "venv"], tmp_path, env)
    names = PYTEST | {"coverage", "pytest-cov"}
    (tmp_path / "lock.txt").write_text(excerpt(ROOT / DEVELOPMENT, names))
    program = str(tmp_path / "venv" / "bin" / "python")
    install = [program, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", "lock.txt"]
    if "23.0.1" in pip:
        resolving = attempt(install, tmp_path, env)
        assert resolving.returncode == 1
        assert "all requirements must have their versions pinned" in resolving.stdout
        assert "coverage" in resolving.stdout
    run([*install, "--no-deps", "--only-binary", ":all:"], tmp_path, env)
    versions = installed(Path(program), tmp_path)
    assert {name: versions[name] for name in names} == {
        name: version for name, version in locked(ROOT / DEVELOPMENT).items() if name in names
    }


def test_whatever_resolves_takes_the_newer_release(
    python: Path, env: dict[str, str], tmp_path: Path
) -> None:
    """So the folder of them does what the tests above rely on."""
    run([str(python), "-m", "venv", "--clear", "venv"], tmp_path, env)
    program = tmp_path / "venv" / "bin" / "python"
    run([str(program), "-m", "pip", "install", "--quiet", "pluggy"], tmp_path, env)
    assert installed(program, tmp_path)["pluggy"] == NEWER
    run([str(UV), "pip", "install", "--python", str(program), "iniconfig"], tmp_path, env)
    assert installed(program, tmp_path)["iniconfig"] == NEWER
