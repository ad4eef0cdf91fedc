"""`python -m benchmarks` names each benchmark that there is, and nothing else."""

from __future__ import annotations

import importlib
import pkgutil

import benchmarks
from benchmarks.__main__ import LONG, QUICK


def test_every_module_that_measures_is_listed() -> None:
    names = {module.name for module in pkgutil.iter_modules(benchmarks.__path__)} - {"__main__"}
    measuring = {
        name for name in names if hasattr(importlib.import_module(f"benchmarks.{name}"), "measure")
    }
    assert measuring == set(QUICK | LONG)
