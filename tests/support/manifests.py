"""The Kubernetes manifests as they are applied: what kustomize makes of the example."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local_stack.processes import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Manifests:
    """The resources, and the text of them all."""

    text: str
    resources: list[Resource]

    def of(self, kind: str) -> dict[str, Resource]:
        """The resources of a kind, by their names without the hash of generated ones."""
        return {
            _plain(resource): resource for resource in self.resources if resource["kind"] == kind
        }

    def one(self, kind: str, name: str) -> Resource:
        """A resource."""
        return self.of(kind)[name]

    @property
    def pods(self) -> dict[str, Resource]:
        """The pod of each Deployment and Job, by its component."""
        workloads = [*self.of("Deployment").values(), *self.of("Job").values()]
        templates = [workload["spec"]["template"] for workload in workloads]
        return {
            template["metadata"]["labels"]["app.kubernetes.io/component"]: template
            for template in templates
        }

    def container(self, component: str) -> Resource:
        """The one container of a component."""
        (only,) = self.pods[component]["spec"]["containers"]
        return dict(only)

    def environment(self, component: str) -> dict[str, str]:
        """The variables that a component's container gets."""
        variables: dict[str, str] = {}
        for source in self.container(component)["envFrom"]:
            if "configMapRef" in source:
                maps = {
                    one["metadata"]["name"]: one["data"] for one in self.of("ConfigMap").values()
                }
                variables |= maps[source["configMapRef"]["name"]]
            else:
                secrets = {
                    one["metadata"]["name"]: one["data"] for one in self.of("Secret").values()
                }
                variables |= {
                    name: base64.b64decode(value).decode()
                    for name, value in secrets[source["secretRef"]["name"]].items()
                }
        return variables

    def chosen(self, labels: dict[str, str]) -> set[str]:
        """The components whose pods have these labels."""
        return {
            component
            for component, pod in self.pods.items()
            if labels.items() <= pod["metadata"]["labels"].items()
        }


def render(folder: Path) -> Manifests:
    """Build the example as its reader does: a copy, with secrets filled in."""
    copy = folder / "kubernetes"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets"))
    shutil.copytree(copy / "example" / "secrets.example", copy / "example" / "secrets")
    text = kustomize(copy / "example")
    return Manifests(text, list(yaml.safe_load_all(text)))


def kustomize(folder: Path) -> str:
    """What `kubectl kustomize` says, which asks no cluster."""
    result = subprocess.run(  # noqa: S603  # the tool that pyproject.toml brings
        [tool("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def tool(name: str) -> str:
    """A program of this environment."""
    return str(Path(sys.executable).with_name(name))


def _plain(resource: Resource) -> str:
    name = str(resource["metadata"]["name"])
    generated = resource["kind"] in {"ConfigMap", "Secret"}
    return name.rpartition("-")[0] if generated else name
