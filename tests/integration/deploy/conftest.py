"""What the tests of the manifests share: the manifests, built once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.manifests import render

if TYPE_CHECKING:
    from tests.support.manifests import Manifests


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The example installation, built by kustomize."""
    return render(tmp_path_factory.mktemp("manifests"))
