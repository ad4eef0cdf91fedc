"""How the API tells what was read of an upload: models of the report that its parser writes."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class UnreadColumn(_Told):
    """A column or member that looks as if it told something, and is not read, with one value."""

    column: str
    example: str


class ProfileReport(_Told):
    """One of the people who share a file: how many rows are theirs, of how many films."""

    name: str
    is_read: bool
    rows: int
    films: int


class FileReport(_Told):
    """One file: the format it was taken for, or why it was set aside; whose its rows are.

    `unread` names what looks like a state, a rating, a date or an id, and was not read.
    """

    name: str
    format: str | None
    rows: int
    movies: int
    set_aside: str | None
    unread: list[UnreadColumn] = []  # reports of before have neither
    profiles: list[ProfileReport] = []


class RowReport(_Told):
    """A row that was rejected or set aside, or a note on one; its line is counted from 1."""

    file: str
    line: int
    reason: str
    code: str


class MergedRow(_Told):
    """A row that says more of a film that another row has named, with that film."""

    file: str
    line: int
    title: str | None
    year: int | None


class UploadReport(_Told):
    """How the files of one upload were read.

    `rows_read` is `total_movies`, `rows_merged`, and the rows of these lists that were rejected or
    set aside. Lists are cut short, counts are whole.
    """

    files: list[FileReport]
    rows_read: int
    rows_merged: int
    total_movies: int
    watched: int
    watchlist_only: int
    list_only: int
    rejected: list[RowReport]
    rejected_count: int
    merged: list[MergedRow]
    set_aside: list[RowReport]
    set_aside_count: int
    notes: list[RowReport]
    notes_count: int


class AdditionReport(UploadReport):
    """How more files for a session were read: films it did not have, and films it learned of."""

    added: int
    changed: int


class FurtherUpload(AdditionReport):
    """An upload that was added to a session, and when."""

    uploaded_at: datetime


class SessionReport(UploadReport):
    """How a session's first upload was read, and each one that was added to it."""

    further_uploads: list[FurtherUpload]
    """The earliest ones, as many as fit an answer."""
    further_uploads_count: int
