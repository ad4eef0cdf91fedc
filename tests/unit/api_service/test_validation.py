"""What is wrong with a value is said in our own words, whatever pydantic calls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core.core_schema import ErrorType

from api_service.handlers.movies import Correction
from api_service.openapi.routes import ROUTES
from api_service.queries.movies import ExportQuery, PageQuery, read_query
from api_service.queries.validation import OTHERWISE, all_said_of, said_of
from shared.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails

THEIRS = ("Input should", "pydantic", "Value error", "Extra inputs", "String should", "valid ")
BODIES = sorted(
    {route.body for route in ROUTES if isinstance(route.body, type)}, key=lambda one: one.__name__
)
QUERIES = sorted({route.query for route in ROUTES if route.query}, key=lambda one: one.__name__)
ODD = (
    *("", "x", "x" * 2000, "0", "-1", "1.5", "1e9", "9" * 5000, "true", "True", "nan", "inf"),
    *("2024-13", "2024-02-31", "٣", "\0", "\ud800", "3,,4", "0.7", "usa", "US\n", " "),
)


@pytest.mark.parametrize("kind", get_args(ErrorType))
def test_no_kind_of_error_is_told_in_the_librarys_words(kind: str) -> None:
    said = said_of({"type": kind, "loc": ("x",), "msg": "Input should be x", "input": 1})
    assert said
    assert not any(word in said for word in THEIRS)


def test_errors_that_our_models_raise_have_words_of_their_own() -> None:
    raised: dict[str, ErrorDetails] = {}
    others: list[Any] = [1, 1.5, True, [], {}, 2**31, 0, 2**80, None]
    for model in (*BODIES, *QUERIES):  # a query is always text
        for value in (*ODD, *(others if model in BODIES else [])):
            for name, field in model.model_fields.items():
                raised |= refused(model.model_validate, {field.alias or name: value})
            raised |= refused(model.model_validate, value)
    for body in BODIES:
        for text in (
            "",
            "{",
            "[" * 5000,
            '{"tmdb_id": 1e400}',
            '{"imdb_id": "\\ud800"}',
            "\0",
            "[]",
        ):
            raised |= refused(body.model_validate_json, text)
    assert len(raised) >= 10
    assert {kind for kind, error in raised.items() if said_of(error) == OTHERWISE} == set()


def refused(validate: Callable[[Any], object], value: object) -> dict[str, ErrorDetails]:
    """The errors by their types."""
    try:
        validate(value)
    except ValidationError as error:
        return {one["type"]: one for one in error.errors()}
    return {}


@given(st.sampled_from([PageQuery, ExportQuery]), st.data())
@settings(max_examples=300)
def test_no_query_is_refused_in_the_librarys_words(
    model: type[BaseModel], data: st.DataObject
) -> None:
    names = [field.alias or name for name, field in model.model_fields.items()]
    query = data.draw(st.dictionaries(st.sampled_from(names), st.text() | st.sampled_from(ODD)))
    try:
        read_query(model, MultiDict(query))
    except BadRequestError as error:
        said = error.detail.rpartition(", not ")[0]
        assert said
        assert not any(word in said for word in THEIRS)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_no_correction_is_refused_in_the_librarys_words(value: object) -> None:
    for body in (value, {"tmdb_id": value}, {"imdb_id": value}, {"more": value}):
        said = ""
        try:
            Correction.model_validate_json(json.dumps(body))
        except ValidationError as error:
            said = all_said_of(error)
        assert not any(word in said for word in THEIRS)


def test_a_choice_and_a_bound_are_named() -> None:
    adapter = TypeAdapter(PageQuery)
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python({"sort": "size", "limit": "0", "q": "x" * 201})
    said = {str(one["loc"][0]): said_of(one) for one in caught.value.errors()}
    choices = get_args(PageQuery.model_fields["sort"].annotation)
    assert said == {
        "sort": f"one of {', '.join(choices)}",
        "limit": "a whole number from 1 to 1000",
        "q": "text of at most 200 characters",
    }
