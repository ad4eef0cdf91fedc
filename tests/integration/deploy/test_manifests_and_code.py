"""The Kubernetes manifests against the code: what they say of settings, ports and times is true."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml

from api_service.__main__ import SHUTDOWN_SECONDS
from api_service.handlers.events import HEARTBEAT_SECONDS
from api_service.openapi.routes import ROUTES
from enrich_service.daemon import PROBE_SHUTDOWN_SECONDS
from enrich_service.worker import DEREGISTER_SECONDS, END_SECONDS
from local_stack.processes import ROOT, Program, free_port
from migrations.grants import API, DAEMON, OWNER
from shared.http.probes import READY_SECONDS
from shared.postgres.connector import CONNECT_SECONDS
from shared.settings import Settings
from shared.tracing.spans import FLUSH_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.manifests import Manifests, Resource

ROLES = {"migrate": OWNER, "api": API, "enrich": DAEMON}
PORTS = {"api": "API_PORT", "enrich": "WORKER_PORT"}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
SECRETS = {
    name.upper()
    for name, field in Settings.model_fields.items()
    if "SecretStr" in str(field.annotation)
}
MEGABYTE = 1024**2
READ_AND_STORED_SECONDS = 120
"""A list of 47 MB was seen to take 77 s, from its last byte to its answer, on two busy cores."""
NODE_LOCAL_DNS = "169.254.20.10"


def settings_of(manifests: Manifests, component: str) -> Settings:
    """The settings that a component would read."""
    variables: dict[str, Any] = {
        name.lower(): value for name, value in manifests.environment(component).items()
    }
    return Settings(_env_file=None, **variables)


def test_every_variable_is_a_setting_and_no_secret_is_in_the_map(manifests: Manifests) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for component in ROLES:
        assert set(manifests.environment(component)) <= known
        settings_of(manifests, component)  # raises for what a service would refuse
    assert len(SECRETS) == 4
    (of_all,) = manifests.of("ConfigMap").values()
    assert not SECRETS & set(of_all["data"])
    assert of_all["data"]["TMDB_LANGUAGE"] == "en-GB", "what an overlay says wins"


def test_each_gets_its_own_secrets_and_no_other(manifests: Manifests) -> None:
    secrets = {component: SECRETS & set(manifests.environment(component)) for component in ROLES}
    assert secrets == {
        "migrate": {"DATABASE_URL"},
        "api": {"DATABASE_URL", "ADMIN_TOKEN"},
        "enrich": {"DATABASE_URL", "TMDB_API_KEY"},
    }
    for component, role in ROLES.items():
        assert urlsplit(manifests.environment(component)["DATABASE_URL"]).username == role


def test_who_runs_in_the_pods_is_who_the_image_was_made_for(manifests: Manifests) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    (user,) = re.findall(r"^USER (\d+:\d+)$", dockerfile, re.MULTILINE)
    for pod in manifests.pods.values():
        runs_as = pod["spec"]["securityContext"]
        assert f"{runs_as['runAsUser']}:{runs_as['runAsGroup']}" == user


def test_prometheus_finds_the_ports_under_the_jobs_that_the_alerts_go_by(
    manifests: Manifests,
) -> None:
    scrape = yaml.safe_load((ROOT / "deploy/prometheus/kubernetes.yml").read_text("utf-8"))
    (job,) = scrape["scrape_configs"]
    (discovery,) = job["kubernetes_sd_configs"]
    assert discovery["namespaces"]["names"] == list(manifests.of("Namespace"))
    kept, ended, named, installation = job["relabel_configs"]
    assert installation == {
        "source_labels": ["__meta_kubernetes_namespace"],
        "target_label": "namespace",
    }
    assert (ended["action"], ended["regex"]) == ("drop", "Failed|Succeeded")
    assert set(kept["regex"].split("|")) == {
        port["name"] for component in PORTS for port in manifests.container(component)["ports"]
    }
    assert kept["source_labels"] == ["__meta_kubernetes_pod_container_port_name"]
    label = named["source_labels"][0].removeprefix("__meta_kubernetes_pod_label_")
    for component, pod in manifests.pods.items():
        labels = {
            re.sub(r"\W", "_", name): value for name, value in pod["metadata"]["labels"].items()
        }
        assert labels[label] == component
    static = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    assert {one["job_name"] for one in static["scrape_configs"]} == {
        named["replacement"].replace("$1", component) for component in PORTS
    }


def test_the_commands_are_there(manifests: Manifests) -> None:
    assert manifests.container("migrate")["command"] == ["alembic", "upgrade", "head"]
    for component in PORTS:
        python, option, module = manifests.container(component)["command"]
        assert (python, option) == ("python", "-m")
        assert find_spec(f"{module}.__main__")


def test_ports_are_those_that_the_services_listen_on(manifests: Manifests) -> None:
    for component, setting in PORTS.items():
        settings = settings_of(manifests, component)
        (port,) = manifests.container(component)["ports"]
        assert port["containerPort"] == int(manifests.environment(component)[setting])
        assert port["containerPort"] == getattr(settings, setting.lower())
        assert getattr(settings, setting.lower().replace("port", "host")) == "0.0.0.0"  # noqa: S104  # in the container
        (served,) = manifests.one("Service", f"projectionist-{component}")["spec"]["ports"]
        assert served["targetPort"] == port["name"]
        for probe in PROBES:
            assert manifests.container(component)[probe]["httpGet"]["port"] == port["name"]


def egress_ports(manifests: Manifests, component: str) -> dict[int, list[Resource]]:
    """Whom a component may speak to, by the port."""
    return {
        port["port"]: rule.get("to", [])
        for policy in manifests.of("NetworkPolicy").values()
        if component in manifests.chosen(policy["spec"]["podSelector"]["matchLabels"])
        for rule in policy["spec"].get("egress", ())
        for port in rule["ports"]
    }


def test_the_network_lets_each_reach_what_it_needs(manifests: Manifests) -> None:
    tmdb = urlsplit(str(Settings.model_fields["tmdb_base_url"].default))
    for component in ROLES:
        database = urlsplit(manifests.environment(component)["DATABASE_URL"])
        needed = {53, database.port}
        if component == "enrich":
            needed.add({"https": 443, "http": 80}[tmdb.scheme])
        allowed = egress_ports(manifests, component)
        assert set(allowed) == needed
        assert all(allowed.values()), "an installation says where they are"


def test_names_are_resolved_with_and_without_a_cache_on_the_node(manifests: Manifests) -> None:
    rules = manifests.one("NetworkPolicy", "projectionist-database")["spec"]["egress"]
    (dns,) = [rule for rule in rules if 53 in {port["port"] for port in rule["ports"]}]
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert {"ipBlock": {"cidr": f"{NODE_LOCAL_DNS}/32"}} in dns["to"]
    assert any("podSelector" in peer for peer in dns["to"])


def test_pods_are_given_longer_to_end_than_the_services_take(manifests: Manifests) -> None:
    api = manifests.pods["api"]["spec"]["terminationGracePeriodSeconds"]
    pause = manifests.container("api")["lifecycle"]["preStop"]["sleep"]["seconds"]
    # aiohttp waits twice; then the last spans are sent and the database's connections are closed.
    end = FLUSH_SECONDS + CONNECT_SECONDS
    assert api >= pause + 2 * SHUTDOWN_SECONDS + end + 5
    readiness = manifests.container("api")["readinessProbe"]
    assert pause >= readiness["periodSeconds"]
    enrich = manifests.pods["enrich"]["spec"]["terminationGracePeriodSeconds"]
    drain = settings_of(manifests, "enrich").drain_seconds
    goodbye = 2 * END_SECONDS + DEREGISTER_SECONDS + 2 * PROBE_SHUTDOWN_SECONDS + end
    assert enrich >= drain + goodbye + 5


def test_probes_are_patient_enough_and_not_more(manifests: Manifests) -> None:
    for component in PORTS:
        container = manifests.container(component)
        live, ready, startup = (
            container[name] for name in ("livenessProbe", "readinessProbe", "startupProbe")
        )
        assert live["httpGet"]["path"] == startup["httpGet"]["path"] == "/livez"
        assert ready["httpGet"]["path"] == "/readyz"
        # An answer that comes late is none.
        assert ready["timeoutSeconds"] > READY_SECONDS
        for probe in (live, ready):
            assert probe["timeoutSeconds"] <= probe["periodSeconds"]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 60
        # From the first red answer to the end: another tick has come by then, if any does.
        interval = settings_of(manifests, component).enrich_interval
        assert live["periodSeconds"] * (live["failureThreshold"] - 1) >= interval
        assert live["periodSeconds"] * live["failureThreshold"] <= 60


def test_the_way_in_takes_what_the_api_takes(manifests: Manifests) -> None:
    (ingress,) = manifests.of("Ingress").values()
    notes = {
        name.rpartition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()
    }
    most = settings_of(manifests, "api").upload_max_bytes
    assert int(notes["proxy-body-size"].removesuffix("m")) * MEGABYTE > most
    longest = settings_of(manifests, "api").upload_seconds + READ_AND_STORED_SECONDS
    for direction in ("read", "send"):
        assert int(notes[f"proxy-{direction}-timeout"]) > max(longest, 2 * HEARTBEAT_SECONDS)
    assert (notes["proxy-buffering"], notes["proxy-request-buffering"]) == ("off", "off")
    (rule,) = ingress["spec"]["rules"]
    assert (rule["host"],) == tuple(ingress["spec"]["tls"][0]["hosts"])
    for path in rule["http"]["paths"]:
        backend = path["backend"]["service"]
        service = manifests.one("Service", backend["name"])
        assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}


def test_the_way_in_is_trusted_to_say_who_comes(manifests: Manifests) -> None:
    assert settings_of(manifests, "api").trusted_proxies


def test_the_room_for_uploads_is_there(manifests: Manifests) -> None:
    (volume,) = manifests.pods["api"]["spec"]["volumes"]
    there = mebibytes(volume["emptyDir"]["sizeLimit"])
    assert settings_of(manifests, "api").upload_disk_bytes <= 0.75 * there * MEGABYTE
    resources = manifests.container("api")["resources"]
    # The volume counts to the container's own; so does its log, of 50 MiB as the kubelet keeps it.
    assert mebibytes(resources["limits"]["ephemeral-storage"]) >= there + 512
    assert mebibytes(resources["requests"]["ephemeral-storage"]) >= there


@pytest.mark.parametrize("component", sorted(ROLES))
def test_a_pod_says_how_much_of_the_nodes_disk_it_takes(
    manifests: Manifests, component: str
) -> None:
    (volume,) = manifests.pods[component]["spec"]["volumes"]
    resources = manifests.container(component)["resources"]
    asked, most = (
        mebibytes(resources[which]["ephemeral-storage"]) for which in ("requests", "limits")
    )
    assert mebibytes(volume["emptyDir"]["sizeLimit"]) <= asked < most


def mebibytes(quantity: str) -> int:
    """Read a quantity of Kubernetes's, in MiB."""
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def test_the_way_in_leads_to_every_page_and_route_but_to_what_is_for_operators(
    manifests: Manifests,
) -> None:
    (ingress,) = manifests.of("Ingress").values()
    exact, prefixes = (
        {
            path["path"]
            for path in ingress["spec"]["rules"][0]["http"]["paths"]
            if path["pathType"] == kind
        }
        for kind in ("Exact", "Prefix")
    )
    let_in = {
        route.path
        for route in ROUTES
        if route.path in exact
        or any(f"{route.path}/".startswith(f"{prefix}/") for prefix in prefixes)
    }
    everything = {route.path for route in ROUTES}
    of_operators = {path for path in everything if path.partition("/")[2].startswith("worker")}
    assert len(of_operators) > 3
    assert everything - let_in == {"/metrics", "/livez", "/readyz", "/health", *of_operators} - {
        "/worker/status"  # which the page of a list asks for
    }


@pytest.mark.parametrize("component", sorted(PORTS))
async def test_a_service_started_as_its_pod_is_answers_every_probe_and_ends_in_time(
    dsn: str, manifests: Manifests, tmp_path: Path, component: str
) -> None:
    setting, port = PORTS[component], free_port()
    env = manifests.environment(component) | {"DATABASE_URL": dsn, setting: str(port)}
    if component == "enrich":
        env["TMDB_BASE_URL"] = "http://127.0.0.1:1"
    url = f"http://127.0.0.1:{port}"
    container: dict[str, Any] = manifests.container(component)
    program = Program(
        *container["command"][2:], env=env, ready=f"{url}/readyz", log=tmp_path / "log"
    )
    async with program, aiohttp.ClientSession() as http:
        paths = {container[probe]["httpGet"]["path"] for probe in PROBES}
        for path in paths | {"/metrics"}:
            async with http.get(url + path) as answer:
                assert (path, answer.status) == (path, 200)
        assert await program.stop() == 0
