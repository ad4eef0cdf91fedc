"""compose.yaml says of the services what the code says, and `make env` gives all that it asks for.

Nothing here needs a container engine.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import stat
import subprocess
import sys
from importlib.metadata import entry_points
from shutil import copytree
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from api_service.__main__ import SHUTDOWN_SECONDS
from local_stack.processes import ROOT, free_port
from local_stack.tmdb.app import create_app as create_stand_in
from migrations.grants import API, DAEMON, OWNER
from shared.settings import Settings, read_settings
from tests.support.composing import (
    MissingVariable,
    composed,
    image_env,
    raw_compose,
    read_env,
    seconds,
    variables,
)

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.tmdb.catalogue import Catalogue
    from tests.support.driving import Driver

ENV, DEMO = ".env", ".env.demo"
KEY = "f" * 32
OURS = ("migrate", "api", "enrich", "stand-in")
CODE = {"api": "api_service", "enrich": "enrich_service"}
ROLES = {
    "migrate": (OWNER, "OWNER_PASSWORD"),
    "api": (API, "API_PASSWORD"),
    "enrich": (DAEMON, "DAEMON_PASSWORD"),
}
"""Who uses the database, as which role, by which password of `.env`."""
SECRETS = ("POSTGRES_PASSWORD", "ADMIN_TOKEN", *(name for _, name in ROLES.values()))
MASKED = {"tmdb_api_key", "admin_token"}
"""Read by what both services share, but only to keep them out of the log."""
NOT_TO_BE_SET = {"listen_database_url", "drain_seconds"}
"""There is no pooler, and `stop_grace_period` is cut to the drain's default."""
IN_COMPOSE_ONLY = {"COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"}


def make_env(folder: Path) -> str:
    """Run `make env` in a folder that has what it needs and no more; what it said."""
    done = subprocess.run(
        ["make", "--no-print-directory", "env"],  # noqa: S607  # the make of whoever runs this
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `make env` has been run."""
    made = tmp_path_factory.mktemp("project")
    for name in ("Makefile", "pyproject.toml"):
        (made / name).write_bytes((ROOT / name).read_bytes())
    copytree(ROOT / "deploy", made / "deploy")
    assert make_env(made).count("is written") == 2
    return made


@pytest.fixture(scope="module")
def demo(folder: Path) -> dict[str, Any]:
    """compose.yaml as the demonstration has it."""
    return composed(read_env(folder / DEMO))


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    """The environment of a container."""
    given: dict[str, str] = service["environment"]
    return image_env() | given


def settings_read_by(package: str) -> set[str]:
    """The settings that a service reads, itself and by what both share."""
    used: set[str] = set()
    for place, aside in ((package, set()), ("shared", MASKED)):
        for file in (ROOT / place).rglob("*.py"):
            found = re.findall(r"(?:settings|SETTINGS\])\.(\w+)", file.read_text("utf-8"))
            used |= set(found) & (Settings.model_fields.keys() - aside)
    return used


def test_make_env_writes_once_and_for_its_owner_alone(folder: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in (ENV, DEMO)}
    assert make_env(folder).count("stays as it is") == 2
    assert {name: (folder / name).read_bytes() for name in (ENV, DEMO)} == before
    modes = {stat.S_IMODE((folder / name).stat().st_mode) for name in (ENV, DEMO)}
    assert modes == {0o600}
    assert not list(folder.glob("*.new"))
    assert not (folder / ".venv").exists(), "it installs nothing"


def test_make_env_writes_secrets_that_nobody_else_has(folder: Path) -> None:
    values = [
        env[name] for env in (read_env(folder / ENV), read_env(folder / DEMO)) for name in SECRETS
    ]
    assert len(set(values)) == 2 * len(SECRETS)
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in values)


def test_make_env_adds_the_roles_passwords_to_an_earlier_env(folder: Path, tmp_path: Path) -> None:
    earlier = "TMDB_API_KEY=k\nPOSTGRES_PASSWORD=p\nAPI_PASSWORD=\nADMIN_TOKEN=t"
    copytree(folder, tmp_path / "project")
    (tmp_path / "project" / ENV).write_text(earlier, "utf-8")
    said = make_env(tmp_path / "project")
    assert f"{ENV} is there already; the passwords of the roles are added" in said
    text = (tmp_path / "project" / ENV).read_text("utf-8")
    assert text.startswith(f"{earlier}\n")
    env = read_env(tmp_path / "project" / ENV)
    assert env.keys() == {"TMDB_API_KEY", *SECRETS}
    assert len({env[name] for _, name in ROLES.values()}) == 3
    assert all(re.fullmatch("[0-9a-f]{48}", env[name]) for _, name in ROLES.values())
    assert make_env(tmp_path / "project").count("stays as it is") == 2
    assert (tmp_path / "project" / ENV).read_text("utf-8") == text


def test_a_tmdb_key_is_all_that_is_missing(folder: Path) -> None:
    env = read_env(folder / ENV)
    with pytest.raises(MissingVariable, match="TMDB_API_KEY: put it into"):
        composed(env)
    real = composed(env | {"TMDB_API_KEY": KEY})
    assert real["services"]["enrich"]["environment"]["TMDB_API_KEY"] == KEY
    with pytest.raises(MissingVariable, match="POSTGRES_PASSWORD: run make env first"):
        composed({"TMDB_API_KEY": KEY})


@pytest.mark.parametrize("name", [ENV, DEMO])
def test_all_that_make_env_writes_is_made_use_of(folder: Path, name: str) -> None:
    assert read_env(folder / name).keys() <= variables() | IN_COMPOSE_ONLY


def test_the_demonstration_is_a_project_of_its_own(folder: Path, demo: dict[str, Any]) -> None:
    """By its volume: what the stand-in tells must never answer for TMDB."""
    env = read_env(folder / DEMO)
    assert env["COMPOSE_PROJECT_NAME"] != demo["name"]
    profiles = {name: service.get("profiles") for name, service in demo["services"].items()}
    assert {name for name, of in profiles.items() if of} == {"stand-in"}
    assert profiles["stand-in"] == [env["COMPOSE_PROFILES"]]


def test_no_secret_stands_in_the_file() -> None:
    given = [
        (name, str(value))
        for service in raw_compose()["services"].values()
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|TOKEN|KEY|URL", name)
    ]
    assert {name for name, _ in given} >= {"POSTGRES_PASSWORD", "ADMIN_TOKEN", "TMDB_API_KEY"}
    for name, value in given:
        assert re.search(r"\$\{\w+:(\?[^}]*|-)\}", value), f"{name} is neither asked for nor empty"


@pytest.mark.parametrize("service", CODE)
def test_a_service_can_be_given_what_its_code_reads_and_no_more(
    demo: dict[str, Any], service: str
) -> None:
    given = {name.lower() for name in demo["services"][service]["environment"]}
    read = settings_read_by(CODE[service])
    brought = {name.lower() for name in image_env()}
    assert (read - given - brought) <= NOT_TO_BE_SET
    assert given - read == set()


@pytest.mark.parametrize("service", CODE)
def test_the_settings_are_taken_with_what_is_empty_left_out(
    demo: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no .env
    env = settings_of(demo["services"][service])
    for name, value in env.items():
        if name.lower() in Settings.model_fields:
            monkeypatch.setenv(name, value)
    if service == "api":
        made = f"RUN python -m local_stack.samples {env['SAMPLE_LIST']}\n"
        assert made in (ROOT / "Dockerfile").read_text("utf-8")
        monkeypatch.setenv("SAMPLE_LIST", str(tmp_path))  # which only the image has
    settings = read_settings()
    assert settings.tmdb_rate_limit == Settings.model_fields["tmdb_rate_limit"].default
    assert (settings.api_host, settings.worker_host) == ("0.0.0.0", "0.0.0.0")  # noqa: S104  # in a container


def test_each_service_is_the_role_of_its_own_and_none_the_superuser(
    folder: Path, demo: dict[str, Any]
) -> None:
    env, services = read_env(folder / DEMO), demo["services"]
    db = services["db"]["environment"]
    for name, (role, password) in ROLES.items():
        database = urlsplit(services[name]["environment"]["DATABASE_URL"])
        assert database.hostname in services
        assert (database.username, database.password, database.path[1:]) == (
            role,
            env[password],
            db["POSTGRES_DB"],
        )
        assert env["POSTGRES_PASSWORD"] not in str(services[name])
    given = services["roles"]["environment"]
    assert (given["PGHOST"], given["PGUSER"], given["PGDATABASE"], given["PGPASSWORD"]) == (
        "db",
        db["POSTGRES_USER"],
        db["POSTGRES_DB"],
        db["POSTGRES_PASSWORD"],
    )
    assert {name: given[name] for _, name in ROLES.values()} == {
        name: env[name] for _, name in ROLES.values()
    }
    (mounted,) = services["roles"]["volumes"]
    source, target, how = mounted.split(":")
    assert "ro" in how.split(",")
    program, script = services["roles"]["entrypoint"]
    assert (program, script.partition(target)[0]) == ("sh", "")
    assert (ROOT / source / script.removeprefix(f"{target}/")).is_file()


def test_commands_name_what_there_is_to_run(demo: dict[str, Any]) -> None:
    for name in OURS:
        command = demo["services"][name]["command"]
        assert isinstance(command, list), "a shell would keep SIGTERM for itself"
        if command[0] == "python":
            assert command[1] == "-m"
            assert importlib.util.find_spec(f"{command[2]}.__main__"), command
        else:
            assert command[0] in entry_points(group="console_scripts").names
    assert demo["services"]["migrate"]["command"] == ["alembic", "upgrade", "head"]
    assert {demo["services"][name]["command"][2] for name in CODE} == set(CODE.values())


def test_one_service_builds_the_image_of_all(demo: dict[str, Any]) -> None:
    """Two at once would write one tag, and one of them fail."""
    services = demo["services"]
    assert [name for name, service in services.items() if "build" in service] == ["migrate"]
    assert len({services[name]["image"] for name in OURS}) == 1
    for name in CODE:
        assert "migrate" in services[name]["depends_on"], "so it is built whichever is started"


def test_ports_are_those_that_are_listened_on(folder: Path, demo: dict[str, Any]) -> None:
    services = demo["services"]
    assert services["api"]["ports"] == [f"127.0.0.1:8000:{image_env()['API_PORT']}"]
    assert "ports" not in services["enrich"], "three of them would want the same one"
    assert "ports" not in services["db"]
    env = read_env(folder / DEMO)
    command = services["stand-in"]["command"]
    port = command[command.index("--port") + 1]
    asked, shown = urlsplit(env["TMDB_BASE_URL"]), urlsplit(env["TMDB_IMAGE_BASE_URL"])
    assert (asked.hostname, str(asked.port)) == ("stand-in", port)
    assert services["stand-in"]["ports"] == [f"{shown.netloc}:{port}"], "posters: for the browser"


def test_who_talks_to_whom_shares_a_network(demo: dict[str, Any]) -> None:
    reached = {name: set(service["networks"]) for name, service in demo["services"].items()}
    for user in ("roles", "migrate", "api", "enrich"):
        assert "database" in reached[user] & reached["db"]
    assert reached["enrich"] & reached["stand-in"] == {"outside"}
    assert reached["db"] == {"database"}
    assert demo["networks"]["database"] == {"internal": True}


def test_the_services_come_after_the_database_and_its_schema(demo: dict[str, Any]) -> None:
    for name in CODE:
        assert demo["services"][name]["depends_on"] == {
            "db": {"condition": "service_healthy"},
            "roles": {"condition": "service_completed_successfully"},
            "migrate": {"condition": "service_completed_successfully"},
        }
    for waiting in ("roles", "migrate"):
        # What has ended can be depended on, for some engines, only if it depends on nothing itself.
        assert "depends_on" not in demo["services"][waiting]
    restarts = {name: service["restart"] for name, service in demo["services"].items()}
    for ending in ("roles", "migrate"):
        assert restarts.pop(ending) == "on-failure", "it ends when all is well"
    assert set(restarts.values()) == {"unless-stopped"}


def test_nobody_is_killed_before_they_can_end(demo: dict[str, Any]) -> None:
    grace = {
        name: seconds(service["stop_grace_period"])
        for name, service in demo["services"].items()
        if "stop_grace_period" in service
    }
    drain = float(Settings.model_fields["drain_seconds"].default)
    assert "DRAIN_SECONDS" not in demo["services"]["enrich"]["environment"]
    assert grace["enrich"] >= drain + 10, "a drain, and saving what came of it"
    assert grace["api"] >= 2 * SHUTDOWN_SECONDS + 10, "the server waits for clients twice"
    assert grace["db"] >= 60


@pytest.mark.parametrize("name", [*OURS, "db", "roles"])
def test_a_container_may_do_what_it_must_and_is_limited(demo: dict[str, Any], name: str) -> None:
    service = demo["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert str(service["tmpfs"]).count("/tmp:size=") == 1, "uploads under way, say"  # noqa: S108  # in a container
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["logging"]["driver"] == "json-file"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert ("cap_add" in service) == (name == "db")


def test_what_the_api_spools_has_room_within_its_memory(demo: dict[str, Any]) -> None:
    api = demo["services"]["api"]
    room = int(re.findall(r"size=(\d+)m", api["tmpfs"])[0]) * 1024**2
    largest = int(Settings.model_fields["upload_max_bytes"].default)
    assert room >= 4 * largest, "as it came, and as it was read, twice at a time"
    assert api["deploy"]["resources"]["limits"]["memory"] == "1g"
    assert room <= 1024**3 / 2
    booked = int(api["environment"]["UPLOAD_DISK_BYTES"])
    assert 4 * largest <= booked <= 0.85 * room, "some of it is left for what was not foreseen"


def test_the_database_is_kept_in_a_volume(demo: dict[str, Any]) -> None:
    (volume,) = demo["services"]["db"]["volumes"]
    assert volume.partition(":")[0] in demo["volumes"]
    major = int(demo["services"]["db"]["image"].removeprefix("postgres:"))
    # From 18 on the image keeps its data elsewhere, and this would be an empty volume.
    assert (major < 18) == volume.endswith(":/var/lib/postgresql/data")


def test_the_stand_in_is_asked_for_what_it_answers(
    demo: dict[str, Any], bundled_catalogue: Catalogue
) -> None:
    asked = urlsplit(demo["services"]["stand-in"]["healthcheck"]["test"][-1])
    routes = create_stand_in(bundled_catalogue).router.resources()
    assert asked.path in {route.canonical for route in routes}
    assert f"{asked.port}" in demo["services"]["stand-in"]["command"]


async def test_health_checks_pass_where_the_services_run_and_fail_where_not(
    demo: dict[str, Any], driver: Driver
) -> None:
    stack = driver.stack
    (worker,) = {event["port"] for event in driver.events("probes_started")}
    nobody = free_port()
    for name, runs in (
        ("api", {"API_PORT": stack.api_port, "WORKER_PORT": nobody}),
        ("enrich", {"API_PORT": nobody, "WORKER_PORT": worker}),
    ):
        check = demo["services"][name]["healthcheck"]["test"]
        assert await run_check(check, runs) == 0, name
        assert await run_check(check, {"API_PORT": nobody, "WORKER_PORT": nobody}) == 1, name
    *check, address = demo["services"]["stand-in"]["healthcheck"]["test"]
    assert await run_check([*check, f"{stack.tmdb_url}{urlsplit(address).path}"], {}) == 0


async def run_check(check: list[str], env: dict[str, int]) -> int:
    """Run a health check of the form that compose takes."""
    how, program, *arguments = check
    assert (how, program) == ("CMD", "python")
    given = {"PATH": "", "API_HOST": "0.0.0.0", "WORKER_HOST": "0.0.0.0"}  # noqa: S104  # as in the image
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        cwd=ROOT,
        env=given | {name: str(port) for name, port in env.items()},
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()
