"""The start page offers a sample list where the operator names one, and else knows of none."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from local_stack.samples.default_sample import write_default_sample

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.support.api_driving import Service

OFFER = '<meta name="sample" content="{}">'


async def test_sample_is_not_offered_unless_it_is_set(service: Service) -> None:
    assert OFFER.format("") in await (await service.client.get("/")).text()
    assert (await service.client.get("/assets/sample.zip")).status == 404


async def test_sample_that_is_set_is_offered_with_all_its_files(
    make_service: Callable[..., Awaitable[Service]], tmp_path: Path
) -> None:
    write_default_sample(tmp_path)
    service = await make_service(sample_list=tmp_path)
    assert OFFER.format("/assets/sample.zip") in await (await service.client.get("/")).text()
    response = await service.client.get("/assets/sample.zip")
    assert (response.status, response.headers["Content-Type"]) == (200, "application/zip")
    archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    watched = (tmp_path / "watched.csv").read_bytes()
    assert archive.read("watched.csv") == watched
    assert {"diary.csv", "likes/films.csv", "lists/favourites.csv"} <= set(archive.namelist())


async def test_sample_is_the_same_file_after_a_restart(
    make_service: Callable[..., Awaitable[Service]], tmp_path: Path
) -> None:
    write_default_sample(tmp_path)
    services = [await make_service(sample_list=tmp_path) for _ in range(2)]
    tags = [(await one.client.get("/assets/sample.zip")).headers["ETag"] for one in services]
    assert tags[0] == tags[1]
