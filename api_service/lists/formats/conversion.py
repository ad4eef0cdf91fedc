"""What is neither a table of text nor JSON, made one: XML and tables of web pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from api_service.lists.files.markup_text import Markup, find_markup
from api_service.lists.formats.html_tables import write_tables
from api_service.lists.formats.xml_items import write_items

if TYPE_CHECKING:
    from pathlib import Path

    from api_service.lists.model import UploadedFile


def converted(file: UploadedFile, folder: Path) -> UploadedFile:
    """The file as CSV or JSON, if it is markup; else the file itself.

    Args:
        file: any file of an upload.
        folder: where to write what it is made into.

    Raises:
        ListRefused: it is broken, or of no kind that is read.
        ListTooCostly: something in it is larger than in any list.
    """
    if file.numbered:
        return file
    markup = find_markup(file)
    if markup is None:
        return file
    target = folder / f"{file.path.name}.read"
    if markup is Markup.XML:
        write_items(file, target)
        return replace(file, path=target)
    write_tables(file, target)
    return replace(file, path=target, numbered=True)
