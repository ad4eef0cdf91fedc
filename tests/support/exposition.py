"""Reads what a service tells Prometheus, and holds it against Prometheus's rules for names.

https://prometheus.io/docs/practices/naming/ and the rules of `promtool check metrics`.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp
    from aiohttp import web
    from aiohttp.test_utils import TestClient
    from prometheus_client import Metric

    Client = aiohttp.ClientSession | TestClient[web.Request, web.Application]

PREFIX = "projectionist_"
OF_THE_LIBRARY = ("process_", "python_")
_KINDS = {"counter", "gauge", "histogram"}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NOT_BASE_UNITS = re.compile(
    r"_(milli|micro|nano|kilo|mega|giga)?(minutes?|hours?|days?|ms|msec|sec|secs|millis|"
    r"milliseconds|kb|mb|kilobytes|megabytes|bits|percent)(_|$)"
)
_KIND_IN_NAME = re.compile(r"_(counter|gauge|histogram|summary|metric)(_|$)")


class Exposition:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def families(self) -> dict[str, Metric]:
        """The metrics by the name that HELP and TYPE give them."""
        return {family.name: family for family in text_string_to_metric_families(self.text)}

    @cached_property
    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every series with its value."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    @property
    def names(self) -> set[str]:
        """The names that a query may use."""
        return {name for name, _ in self.samples}

    @property
    def series(self) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        """Every series."""
        return set(self.samples)

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that have these labels; there must be one."""
        values = [
            value
            for (its, has), value in self.samples.items()
            if its == name and labels.items() <= dict(has).items()
        ]
        assert values, f"no series {name} {labels}"
        return sum(values)

    def has(self, name: str) -> bool:
        """Whether there is a series of this name."""
        return name in self.names

    def labels(self, name: str) -> set[tuple[str, str]]:
        """The labels of a metric's series, with their values."""
        return {pair for its, has in self.series if its == name for pair in has}


async def scrape(http: Client, url: str) -> Exposition:
    """Scrape as Prometheus does."""
    async with http.get(url) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return Exposition(await response.text())


def broken_rules(exposition: Exposition) -> list[str]:
    """What Prometheus's rules have against it."""
    broken = []
    told = re.findall(r"^# (HELP|TYPE) (\S+) ?(.*)$", exposition.text, re.MULTILINE)
    explained = {name for what, name, text in told if what == "HELP" and text.strip()}
    typed = {name for what, name, _ in told if what == "TYPE"}
    if len(typed) != sum(what == "TYPE" for what, _, _ in told):
        broken.append("a metric is told twice")
    broken += [
        f"{name}: no HELP or no TYPE"
        for name in exposition.names
        if not _family_of(name) & explained & typed
    ]
    for family in exposition.families.values():
        broken += [f"{family.name}: {said}" for said in _of_family(family)]
    return broken


def _family_of(sample: str) -> set[str]:
    return {sample, re.sub(r"_(bucket|sum|count)$", "", sample)}


def _of_family(family: Metric) -> list[str]:
    broken = []
    ours = family.name.startswith(PREFIX)
    if not ours and not family.name.startswith(OF_THE_LIBRARY):
        broken.append("whose is it?")
    if not _NAME.fullmatch(family.name):
        broken.append("not snake_case")
    if family.type not in _KINDS:
        broken.append(f"type {family.type}")
    if _NOT_BASE_UNITS.search(family.name):
        broken.append("not a base unit")
    if _KIND_IN_NAME.search(family.name):
        broken.append("its type is in its name")
    for sample in family.samples:
        is_total = sample.name.endswith("_total")
        if is_total != (family.type == "counter"):
            broken.append(f"{sample.name} is a {family.type}")
    if family.type == "histogram" and not family.name.endswith(("_seconds", "_bytes")):
        broken.append("a histogram without a unit")
    labels = {label for sample in family.samples for label in sample.labels}
    broken += [f"label {label}" for label in labels if not _NAME.fullmatch(label)]
    return broken


def made_up_labels(exposition: Exposition, vocabulary: Mapping[str, set[str]]) -> list[str]:
    """Values of labels of our metrics that are not among those there may be."""
    return [
        f"{name}{{{label}={value!r}}}"
        for name, labels in exposition.series
        if name.startswith(PREFIX)
        for label, value in labels
        if label != "le" and value not in vocabulary.get(label, set())
    ]
