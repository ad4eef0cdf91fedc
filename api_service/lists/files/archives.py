"""Zip uploads: each member, or sheet of a workbook, becomes a file of its own.

They are unpacked within limits that a zip bomb cannot pass.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api_service.lists.files.workbooks import Unpacking, is_workbook, read_sheets
from api_service.lists.model import ListRefused, Refusal, UploadedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAX_FILES: Final = 2_000
"""Files in one upload, zip members included."""

_CHUNK: Final = 1 << 18
_MAX_DIRECTORY: Final = 1 << 20
_ZIP_MARKS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OPEN_DOCUMENT: Final = "mimetype"
# What zipfile raises on damaged bytes: its own error, zlib's, and what they did not think of.
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError),
    *(RuntimeError, ValueError),
    UserWarning,  # that entries overlap, from Python 3.14 on
)
_ENCRYPTED: Final = 0x1  # ZIP file format specification (APPNOTE.TXT) 4.4.4, bit 0


class _DirectoryTooLargeError(Exception):
    """A zip's directory is larger than any that could be accepted."""


class _CappedFile(io.FileIO):
    """A zip's bytes, of which `zipfile` cannot be led to read its whole directory when it is huge.

    `zipfile` reads the directory in one piece and makes an object of each entry, before anyone can
    count them.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_DIRECTORY:
            raise _DirectoryTooLargeError
        return super().read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        # What a broken directory says would otherwise look like trouble with the disk.
        if whence == io.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("an offset is negative")
        return super().seek(offset, whence)


_NO_LISTS_WITHIN: Final = (
    *(Refusal.NESTED_ZIP, Refusal.SPREADSHEET, Refusal.BROKEN_ZIP, Refusal.EMPTY_FILE),
)
"""Why a member of a zip is set aside, beside which the others are read."""


class _Unpacker:
    """Counts the files and bytes of one upload while its zips are unpacked."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._bytes = 0
        self._files = 0

    def add(self, file: UploadedFile) -> Iterator[UploadedFile]:
        """The file itself, or the members of the zip that it is."""
        if not _is_zip(file.path):
            self._spend(file.name, file.path.stat().st_size)
            self._count(file.name)
            yield file
            return
        yield from self._opened(file)

    def _opened(self, file: UploadedFile) -> Iterator[UploadedFile]:
        """What a zip or workbook holds."""
        try:
            with (
                warnings.catch_warnings(action="error", category=UserWarning),
                _CappedFile(file.path) as stream,
                zipfile.ZipFile(stream) as archive,
            ):
                yield from self._contents(file, archive)
        except _DirectoryTooLargeError:
            raise _too_many_files(file.name) from None
        except _BROKEN as error:
            raise ListRefused(
                file.name,
                Refusal.BROKEN_ZIP,
                f"the zip is damaged or uses a feature that is not read ({error}); download or "
                "pack it again",
            ) from None

    def _contents(self, file: UploadedFile, archive: zipfile.ZipFile) -> Iterator[UploadedFile]:
        if is_workbook(archive):
            unpacking = Unpacking(lambda: self._new_path(file.name), self._spend, self._max_bytes)
            yield from read_sheets(archive, file, unpacking)
        elif _OPEN_DOCUMENT in archive.NameToInfo:
            raise ListRefused(
                file.name,
                Refusal.SPREADSHEET,
                "this is an OpenDocument file; save it as .xlsx or as “CSV UTF-8” and upload that",
            )
        elif file.from_zip:
            raise ListRefused(
                file.name,
                Refusal.NESTED_ZIP,
                "a zip inside a zip is not read; upload the files in it themselves",
            )
        else:
            yield from self._members(file.name, archive)

    def _members(self, name: str, archive: zipfile.ZipFile) -> Iterator[UploadedFile]:
        members = [info for info in archive.infolist() if not _is_ignored(info)]
        if not members:
            raise ListRefused(name, Refusal.EMPTY_FILE, "the zip holds no files")
        for info in members:
            member = self._unpack(archive, info, self._new_path(name))
            if _is_zip(member.path):
                try:
                    yield from self._opened(member)
                except ListRefused as refusal:
                    if refusal.reason not in _NO_LISTS_WITHIN:
                        raise
                    yield replace(member, aside=refusal.message)
            else:
                yield member

    def _new_path(self, name: str) -> Path:
        """Where the next file is written, if there may be one more."""
        self._count(name)
        return self._folder / f"{self._files}.csv"

    def _unpack(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> UploadedFile:
        if info.flag_bits & _ENCRYPTED:
            raise ListRefused(
                info.filename, Refusal.ENCRYPTED_ZIP, "the zip has a password; pack it without one"
            )
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise NotImplementedError(f"compression method {info.compress_type}")
        # Only a number names the file on disk: a member may call itself ../../etc/passwd.
        with archive.open(info) as source, path.open("wb") as target:
            while chunk := source.read(_CHUNK):
                self._spend(info.filename, len(chunk))
                target.write(chunk)
        return UploadedFile(info.filename, path, from_zip=True)

    def _count(self, name: str) -> None:
        self._files += 1
        if self._files > MAX_FILES:
            raise _too_many_files(name)

    def _spend(self, name: str, size: int) -> None:
        # Counted as unpacked, for what a zip says of its sizes may be a lie.
        self._bytes += size
        if self._bytes > self._max_bytes:
            raise ListRefused(
                name,
                Refusal.TOO_MANY_BYTES,
                f"the files, unpacked, are larger than {self._max_bytes:,} bytes together",
            )


def unpack(files: Sequence[UploadedFile], folder: Path, *, max_bytes: int) -> list[UploadedFile]:
    """The files of an upload with zips unpacked into `folder`; names keep their folders.

    Raises:
        ListRefused: a zip is broken, encrypted, empty or holds a zip; more than 2,000 files; more
            than `max_bytes` altogether, unpacked; a workbook cannot be read.
        ListTooCostly: something in a workbook is larger than in any list.
    """
    unpacker = _Unpacker(folder, max_bytes)
    return [member for file in files for member in unpacker.add(file)]


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in _ZIP_MARKS


def _is_ignored(info: zipfile.ZipInfo) -> bool:
    *folders, name = info.filename.split("/")
    is_folder = bool(folders) and not name
    return is_folder or "__MACOSX" in folders or name.startswith(".")


def _too_many_files(name: str) -> ListRefused:
    return ListRefused(
        name, Refusal.TOO_MANY_FILES, f"one upload may hold no more than {MAX_FILES:,} files"
    )
