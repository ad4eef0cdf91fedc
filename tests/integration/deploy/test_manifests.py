"""The Kubernetes manifests: valid by Kubernetes's own schemas, and each part fits the others."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.manifests import FOLDER, tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.manifests import Manifests, Resource

OLDEST, NEWEST = "1.31", "1.37"
COMPONENTS = {"migrate", "api", "enrich"}
SERVICES = {"api", "enrich"}


def validated(text: str, folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    """What Kubernetes's schemas of a version say."""
    (folder / "built.yaml").write_text(text, "utf-8")
    command = [tool("kubernetes-validate"), "--strict", "-k", version, str(folder / "built.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # the tool that pyproject.toml brings


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_resource_is_valid(manifests: Manifests, tmp_path: Path, version: str) -> None:
    said = validated(manifests.text, tmp_path, version)
    assert said.returncode == 0, said.stdout + said.stderr
    assert (said.stdout + said.stderr).count("passed") == len(manifests.resources) > 15


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("replicas: 3", "replicaz: 3"),
        ("containerPort: 8001", "containerPort: high"),
        ("path: /livez", "paths: /livez"),
    ],
)
def test_a_slip_in_a_manifest_is_found(
    manifests: Manifests, tmp_path: Path, right: str, wrong: str
) -> None:
    assert right in manifests.text
    said = validated(manifests.text.replace(right, wrong), tmp_path, OLDEST)
    assert said.returncode != 0


def test_what_selects_pods_selects_those_that_it_means(manifests: Manifests) -> None:
    assert set(manifests.pods) == COMPONENTS
    for kind, path in {
        "Deployment": ("selector", "matchLabels"),
        "PodDisruptionBudget": ("selector", "matchLabels"),
        "Service": ("selector",),
    }.items():
        there = manifests.of(kind)
        assert set(there) == {f"projectionist-{component}" for component in SERVICES}
        for name, resource in there.items():
            labels = resource["spec"]
            for step in path:
                labels = labels[step]
            assert manifests.chosen(labels) == {name.removeprefix("projectionist-")}, (kind, name)
    for component in SERVICES:
        spread = manifests.pods[component]["spec"]["topologySpreadConstraints"]
        assert len({constraint["topologyKey"] for constraint in spread}) == 2
        for constraint in spread:
            assert manifests.chosen(constraint["labelSelector"]["matchLabels"]) == {component}


def test_everything_is_in_the_namespace_and_refers_to_what_is_there(manifests: Manifests) -> None:
    (namespace,) = manifests.of("Namespace")
    for resource in manifests.resources:
        if resource["kind"] != "Namespace":
            assert resource["metadata"]["namespace"] == namespace
    (account,) = manifests.of("ServiceAccount")
    for component in COMPONENTS:
        assert manifests.pods[component]["spec"]["serviceAccountName"] == account
        assert manifests.environment(component)


def test_updates_and_drained_nodes_leave_somebody_at_work(manifests: Manifests) -> None:
    for component in SERVICES:
        name = f"projectionist-{component}"
        replicas = manifests.one("Deployment", name)["spec"]["replicas"]
        assert replicas > 1
        update = manifests.one("Deployment", name)["spec"]["strategy"]["rollingUpdate"]
        budget = manifests.one("PodDisruptionBudget", name)["spec"]
        for gone in (update["maxUnavailable"], budget["maxUnavailable"]):
            assert gone < replicas
        assert budget["maxUnavailable"] > 0, "a node could never be drained"
        assert update["maxUnavailable"] + update["maxSurge"] > 0
    api = manifests.one("Deployment", "projectionist-api")["spec"]["strategy"]["rollingUpdate"]
    assert api["maxUnavailable"] == 0


@pytest.mark.parametrize("component", sorted(COMPONENTS))
def test_a_pod_may_do_no_more_than_an_ordinary_program(
    manifests: Manifests, component: str
) -> None:
    """What Kubernetes calls the restricted standard, and a root that is only read."""
    pod = manifests.pods[component]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
    container = manifests.container(component)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]  # noqa: S108  # in the container
    assert [set(volume) for volume in pod["volumes"]] == [{"name", "emptyDir"}]
    assert "sizeLimit" in pod["volumes"][0]["emptyDir"]
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]
    tag = container["image"].rpartition(":")[2]
    assert tag != "latest"
    assert tag[0].isdigit()


def test_the_standard_is_asked_of_the_whole_namespace(manifests: Manifests) -> None:
    (namespace,) = manifests.of("Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_secret_is_in_the_repository() -> None:
    ignored = (FOLDER.parent.parent / ".gitignore").read_text("utf-8").splitlines()
    assert "deploy/kubernetes/*/secrets/" in ignored
    for path in (FOLDER / "example" / "secrets.example").glob("*.env"):
        for line in path.read_text("utf-8").splitlines():
            placeholders = ("PASSWORD", "AT_LEAST_16_CHARACTERS", "0123456789abcdef" * 2)
            assert any(placeholder in line for placeholder in placeholders), line


def ingress_ports(manifests: Manifests, component: str) -> dict[int, list[Resource]]:
    """Who may speak to a component, by the port."""
    ports = {
        port["name"]: port["containerPort"] for port in manifests.container(component)["ports"]
    }
    allowed: dict[int, list[Resource]] = {}
    for policy in manifests.of("NetworkPolicy").values():
        if component in manifests.chosen(policy["spec"]["podSelector"]["matchLabels"]):
            for rule in policy["spec"].get("ingress", ()):
                for port in rule["ports"]:
                    allowed[ports[port["port"]]] = rule["from"]
    return allowed


def test_the_network_lets_in_who_asks_and_nobody_else(manifests: Manifests) -> None:
    for component in SERVICES:
        (served,) = manifests.container(component)["ports"]
        allowed = ingress_ports(manifests, component)
        assert set(allowed) == {served["containerPort"]}
        assert all(allowed.values()), "from nobody in particular is from everybody"
    for policy in manifests.of("NetworkPolicy").values():
        assert "migrate" not in manifests.chosen(policy["spec"]["podSelector"]["matchLabels"]) or (
            not policy["spec"].get("ingress")
        )


def test_whoever_is_not_told_otherwise_speaks_with_nobody(manifests: Manifests) -> None:
    refusing = manifests.one("NetworkPolicy", "projectionist-nothing-else")["spec"]
    assert set(refusing) == {"podSelector", "policyTypes"}
    assert set(refusing["policyTypes"]) == {"Ingress", "Egress"}
    assert manifests.chosen(refusing["podSelector"]["matchLabels"]) == COMPONENTS
