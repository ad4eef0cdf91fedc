"""The image: what the Dockerfile promises, and that what is installed in it is all that is needed.

Nothing here needs a container engine: the package is built from what the engine would be sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from shutil import copytree, ignore_patterns, unpack_archive
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from local_stack.processes import ROOT
from local_stack.tmdb.film import load_films
from shared.postgres.database import SCHEMA_REVISION
from shared.settings import Settings
from tests.support.composing import (
    exec_form,
    final_stage,
    image_env,
    instructions,
    raw_compose,
)
from tests.support.driving import create_database

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres

WEB = ROOT / "api_service" / "web"
NOT_INSIDE = ("tests", "benchmarks", "deploy", "docs", "local_stack/postgres.py")


def project() -> dict[str, Any]:
    """`[project]` of pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


def compose_build() -> dict[str, Any]:
    """The one build of compose.yaml."""
    (build,) = [
        service["build"] for service in raw_compose()["services"].values() if "build" in service
    ]
    found: dict[str, Any] = build
    return found


def test_stages_stand_on_one_base_that_the_project_runs_on() -> None:
    bases = {rest.split()[0] for word, rest in instructions() if word == "FROM"}
    assert bases == {"python:3.13-slim"}
    assert project()["requires-python"] == ">=3.11"


def test_it_runs_as_nobody_in_particular_and_without_a_shell() -> None:
    said = dict(final_stage())
    user = said["USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "by number, and not root"
    words = [word for word, _ in final_stage()]
    assert words.index("USER") > max(place for place, word in enumerate(words) if word == "RUN")
    assert exec_form(said["CMD"]) == ["python", "-m", "api_service"]
    assert "ENTRYPOINT" not in said, "the command picks the service"


def test_its_health_check_is_that_of_compose_for_both_services() -> None:
    options, _, command = dict(final_stage())["HEALTHCHECK"].partition(" CMD ")
    told = dict(option.removeprefix("--").split("=") for option in options.split())
    for name in ("api", "enrich"):
        check = raw_compose()["services"][name]["healthcheck"]
        assert check["test"] == ["CMD", *exec_form(command)]
        assert {key: str(check[key.replace("-", "_")]) for key in told} == told


def test_its_environment_is_of_settings_and_its_ports_are_exposed() -> None:
    env = image_env()
    settings = {name for name in env if name.lower() in Settings.model_fields}
    assert settings == {"API_HOST", "API_PORT", "WORKER_HOST", "WORKER_PORT"}
    assert dict(final_stage())["EXPOSE"].split() == [env["API_PORT"], env["WORKER_PORT"]]


def test_what_is_installed_is_pinned_and_never_compiled() -> None:
    runs = " ".join(rest for word, rest in instructions() if word == "RUN")
    installs = re.findall(r"pip (?:--python \S+ )?install ([^&]*)", runs)
    assert len(installs) == 3
    for options in installs:
        ours = "--no-deps --no-index wheels/*.whl" in options
        assert ours or "--no-deps --require-hashes --only-binary :all:" in options
    assert runs.rindex("/opt/venv/bin/python check") > runs.rindex(" install ")
    assert "apt-get" not in runs
    assert "pip" not in " ".join(rest for _, rest in final_stage())


def test_it_is_built_with_tracing_or_without() -> None:
    (default,) = {rest for word, rest in instructions() if rest.startswith("REQUIREMENTS=")}
    assert default == "REQUIREMENTS=requirements.txt"
    assert compose_build()["args"]["REQUIREMENTS"] == "${REQUIREMENTS:-requirements.txt}"
    more = (ROOT / "requirements-tracing.txt").read_text("utf-8")
    assert "opentelemetry-sdk==" in more
    assert set(_pins((ROOT / "requirements.txt").read_text("utf-8"))) <= set(_pins(more))


def _pins(text: str) -> list[str]:
    return re.findall(r"^[\w.\[\]-]+==\S+", text, re.MULTILINE)


def test_its_version_is_the_one_of_the_project() -> None:
    said = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "image"],  # noqa: S607  # the make of whoever runs this
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    version = project()["version"]
    assert f"--build-arg VERSION={version} " in said
    assert f"--tag projectionist:{version} " in said
    labels = dict(final_stage())["LABEL"]
    assert 'org.opencontainers.image.version="$VERSION"' in labels
    assert project()["description"] in labels
    assert f'org.opencontainers.image.licenses="{project()["license"]}"' in labels
    given = {rest.partition("=")[0] for word, rest in final_stage() if word == "ARG"}
    assert given == set(re.findall(r"--build-arg (\w+)", said))
    taken = {rest.partition("=")[0] for word, rest in instructions() if word == "ARG"}
    assert set(compose_build()["args"]) <= taken
    # No other file may have to be changed with it.
    for name in ("Dockerfile", "compose.yaml", "Makefile"):
        assert version not in (ROOT / name).read_text("utf-8"), name


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an engine is sent: all that .dockerignore lets through."""
    folder = tmp_path_factory.mktemp("context")
    first, *rules = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line and line[0] != "#"
    ]
    assert first == "*", "what is not named is kept out"
    *named, last = rules
    assert last == "**/__pycache__"
    for rule in named:
        assert rule[0] == "!"
        source, target = ROOT / rule[1:], folder / rule[1:]
        if source.is_dir():
            copytree(source, target, ignore=ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return folder


@pytest.fixture(scope="module")
def installed(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project built from that, as the Dockerfile does it, and unpacked."""
    target = tmp_path_factory.mktemp("installed")
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(  # noqa: S603  # our own package
        [sys.executable, "-c", code, str(target)], cwd=context, capture_output=True, check=True
    )
    (wheel,) = target.glob("*.whl")
    unpack_archive(wheel, target, "zip")
    return target


def run(installed: Path, folder: Path, *arguments: str, **env: str) -> str:
    """Run Python from another folder, where only what is installed is found; what it said."""
    # What runs there is a copy, whose lines are not to be counted beside the true ones.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(installed), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_sent_that_is_not_needed(context: Path, installed: Path) -> None:
    for folder in (context, installed):
        assert (folder / "api_service").is_dir()
        assert [name for name in NOT_INSIDE if (folder / name).exists()] == []
    assert not list(context.glob(".env*"))
    assert not (context / ".git").exists()


def test_what_the_dockerfile_takes_is_sent(context: Path) -> None:
    taken = [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert "alembic.ini" in taken
    assert [source for source in taken if not (context / source).exists()] == []
    assert re.search(r"^setuptools==", (context / "requirements-run.txt").read_text(), re.MULTILINE)


def test_the_licence_is_inside(installed: Path) -> None:
    (copy,) = installed.glob("*.dist-info/licenses/LICENSE")
    assert copy.read_bytes() == (ROOT / "LICENSE").read_bytes()
    (metadata,) = installed.glob("*.dist-info/METADATA")
    assert f"License-Expression: {project()['license']}\n" in metadata.read_text("utf-8")


def test_the_web_page_is_inside(installed: Path, tmp_path: Path) -> None:
    files = {path.relative_to(WEB) for path in WEB.rglob("*") if path.is_file()}
    assert len(files) > 20
    for path in files:
        assert (installed / "api_service/web" / path).read_bytes() == (WEB / path).read_bytes()
    code = (
        "import json; from api_service.page_files import WebFiles\n"
        "print(json.dumps(sorted(WebFiles('https://images.example').assets)))"
    )
    served = json.loads(run(installed, tmp_path, "-c", code))
    assert {f"assets/{name}" for name in served} == {
        str(path) for path in files if path.parts[0] == "assets"
    }


def test_the_stand_ins_films_and_the_version_are_inside(installed: Path, tmp_path: Path) -> None:
    code = (
        "from importlib.metadata import version; from local_stack.tmdb.film import load_films\n"
        "print(version('projectionist'), len(load_films()))"
    )
    said = run(installed, tmp_path, "-c", code)
    assert said.split() == [project()["version"], str(len(load_films()))]
    assert "--port" in run(installed, tmp_path, "-m", "local_stack.tmdb", "--help")


async def test_migrations_run_from_what_is_installed(
    postgres: EmbeddedPostgres, context: Path, installed: Path, tmp_path: Path
) -> None:
    """With alembic.ini alone beside them, as in the image."""
    dsn = await create_database(postgres)
    (tmp_path / "alembic.ini").write_bytes((context / "alembic.ini").read_bytes())
    where = run(installed, tmp_path, "-c", "import migrations; print(migrations.__file__)")
    assert where.startswith(str(installed))
    await asyncio.to_thread(
        run, installed, tmp_path, "-m", "alembic", "upgrade", "head", DATABASE_URL=dsn
    )
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select version_num from alembic_version") == SCHEMA_REVISION
    await connection.close()
