"""Where rows come from: whatever a file is, it is read as records of cells under a header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from api_service.lists.files.text import Text, read_records

if TYPE_CHECKING:
    from api_service.lists.files.text import Records
    from api_service.lists.model import Kind, Layout
    from api_service.lists.report import FileJournal


class Table(Protocol):
    """A file as records."""

    @property
    def text(self) -> Text:
        """The file."""
        ...

    def records(self, journal: FileJournal) -> Records:
        """Each record that is not blank, the header among them, with the line it starts on.

        The reader may keep and change the lists. What cannot be a record goes to the journal.

        Raises:
            ListRefused: the file cannot be read to its end.
        """
        ...


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A file of lines with delimiters in them."""

    text: Text
    delimiter: str

    def records(self, journal: FileJournal) -> Records:
        """See `Table`."""
        return read_records(self.text, self.delimiter, journal)


@dataclass(frozen=True, slots=True)
class ListFile:
    """A file that was recognised, and will be read."""

    table: Table
    layout: Layout

    @property
    def name(self) -> str:
        """As the client gave it."""
        return self.table.text.file.name

    @property
    def same(self) -> tuple[Kind, str | None, bytes]:
        """Equal for files that say the same."""
        return self.layout.kind, self.layout.list_name, self.table.text.digest

    def canonical(self) -> tuple[Kind, str, str, bytes]:
        """The file's place, which the order of the upload has no part in."""
        return self.layout.kind, self.name.casefold(), self.name, self.table.text.digest
