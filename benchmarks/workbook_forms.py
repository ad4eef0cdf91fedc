"""Workbooks written part by part, as plain or as odd as wanted."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"


def sheet(rows: Iterable[Sequence[str | int | float]]) -> str:
    """A sheet of plain cells: texts stand in them, numbers as they are."""
    return sheet_of(
        f'<row r="{line}">{"".join(_cell(line, at, value) for at, value in enumerate(row))}</row>'
        for line, row in enumerate(rows, 1)
    )


def sheet_of(rows: Iterable[str]) -> str:
    """A sheet of rows that are XML already."""
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>'
        f"{''.join(rows)}</sheetData></worksheet>"
    )


def workbook(
    sheets: Mapping[str, str],
    *,
    hidden: Iterable[str] = (),
    formats: Sequence[str] = (),
    strings: str = "",
    properties: str = "",
) -> bytes:
    """A workbook.

    Args:
        sheets: their XML, by name.
        hidden: the names of those that are.
        formats: number formats of the cells' styles, from style 1 on.
        strings: `si` elements that cells share.
        properties: attributes of `workbookPr`.
    """
    states = dict.fromkeys(hidden, ' state="hidden"')
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}"{states.get(name, "")} r:id="rId{n}"/>'
        for n, name in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    codes = "".join(
        f'<numFmt numFmtId="{163 + n}" formatCode={quoteattr(code)}/>'
        for n, code in enumerate(formats, 1)
    )
    styles = "".join(f'<xf numFmtId="{163 + n}"/>' for n in range(1, len(formats) + 1))
    parts = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
        f'Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        f"<workbookPr {properties}/><sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'{links}<Relationship Id="rIdS" Type="{_OFFICE}/sharedStrings" '
        f'Target="sharedStrings.xml"/><Relationship Id="rIdT" Type="{_OFFICE}/styles" '
        'Target="/xl/styles.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'{_XML}<sst xmlns="{_MAIN}">{strings}</sst>',
        "xl/styles.xml": f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts>{codes}</numFmts>'
        f'<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>{styles}'
        "</cellXfs></styleSheet>",
    }
    parts |= {
        f"xl/worksheets/sheet{n}.xml": content for n, content in enumerate(sheets.values(), 1)
    }
    return packed(parts)


def packed(parts: Mapping[str, str]) -> bytes:
    """Parts in a zip."""
    packed_parts = io.BytesIO()
    with zipfile.ZipFile(packed_parts, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed_parts.getvalue()


def _cell(line: int, at: int, value: str | float) -> str:
    place = f"{_letters(at)}{line}"
    if isinstance(value, str):
        text = escape(value)
        return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>' if value else ""
    return f'<c r="{place}"><v>{value}</v></c>'


def _letters(at: int) -> str:
    letters = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
