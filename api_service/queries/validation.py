"""What is wrong with a value, in our own words: pydantic's are for programmers, and change.

https://docs.pydantic.dev/latest/errors/validation_errors/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_WORDS: Final = {
    "bool_type": "true or false",
    "extra_forbidden": "no such member",
    "finite_number": "a number that is finite",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a number with fewer digits",
    "int_type": "a whole number",
    "json_invalid": "JSON that can be read",
    "json_type": "JSON",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "one of {expected}",
    "missing": "has to be given",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "multiple_of": "a multiple of {multiple_of}",
    "none_required": "nothing",
    "recursion_loop": "nested less deeply",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_long": "text of at most {max_length} characters",
    "string_too_short": "text of at least {min_length} characters",
    "string_type": "text",
    "string_unicode": "text in Unicode",
    "too_long": "at most {max_length} of them",
    "too_short": "at least {min_length} of them",
    "value_error": "{error}",
}
"""By pydantic's type of error; the names in braces are those of its context."""
OTHERWISE: Final = "a value that this service takes"


def said_of(problem: ErrorDetails) -> str:
    """Return what a value has to be, in the words of `_WORDS`."""
    context: dict[str, Any] = dict(problem.get("ctx", {}))
    if "expected" in context:
        context["expected"] = str(context["expected"]).replace("'", "").replace(" or ", ", ")
    try:
        return _WORDS.get(problem["type"], OTHERWISE).format(**context)
    except KeyError:
        return OTHERWISE


def all_said_of(error: ValidationError) -> str:
    """Return what each member of a body has to be."""
    said = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part)[:40] for part in problem["loc"])
        said.append(f"{where}: {said_of(problem)}" if where else said_of(problem))
    return "; ".join(dict.fromkeys(said))


def whole(value: object) -> object:
    """Return `603.0` as `603`: to JSON both are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
