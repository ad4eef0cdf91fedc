"""The document of the API (OpenAPI 3.1), made from the route table and the pydantic models."""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from api_service.handlers.uploads import LONGEST_KEY
from api_service.openapi.problems import (
    LimitProblem,
    Problem,
    UnreadableListProblem,
    UploadTooCostlyProblem,
    UploadTooLargeProblem,
    answer_to,
    kinds_of,
    kinds_without_route,
    schema_name,
)
from api_service.openapi.routes import ROUTES
from api_service.queries.parameters import LONGEST_REQUEST_ID
from api_service.static_files import StaticFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode

    from api_service.http.routing import Body, Content, Route

    Schema = dict[str, Any]
    Models = set[tuple[type[BaseModel], JsonSchemaMode]]

PATH_PARAMETERS: Final[dict[str, Schema]] = {
    "session_id": {
        "description": "The session. Whoever has its id may read and change it.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "share_id": {
        "description": "The share. Whoever has its id may read what it shows, and change nothing.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "position": {
        "description": "The movie's position in its session.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
}
"""What the parameters in paths are."""

REQUEST_HEADERS: Final[dict[str, Schema]] = {
    "Idempotency-Key": {
        "type": "string",
        "maxLength": LONGEST_KEY,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    },
}
"""What headers may be that are no text of any kind."""

_DESCRIPTION: Final = """\
Upload a list of films, watch it being enriched from TMDB, take it away. Timestamps are RFC 3339 in
UTC. Whatever can be got is answered to HEAD too. An unknown path is answered `404` with the code
`not_found`, a method that a path does not have `405` with `method_not_allowed`."""
_REF: Final = "#/components/schemas/{model}"
_TEXT: Final = ("text/", "application/jsonl")


@cache
def document() -> StaticFile:
    """The document of all routes, made once a process."""
    body = json.dumps(describe(ROUTES), ensure_ascii=False).encode()
    return StaticFile.of(body, "application/json")


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """The document of these routes."""
    listed = [route for route in routes if route.is_api]
    refs, schemas = _schemas_of(listed)
    queries = {route.query: schemas[route.query.__name__] for route in listed if route.query}
    paths: dict[str, Schema] = {}
    for route in listed:
        query = queries[route.query] if route.query else {}
        operation = _operation(route, refs, query)
        paths.setdefault(route.template, {})[route.method.lower()] = operation
    for model in queries:
        schemas.pop(model.__name__, None)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Projectionist",
            "version": version("projectionist"),
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in listed)],
        "paths": paths,
        "components": {
            "schemas": schemas | _problem_schemas(listed, schemas),
            "headers": _HEADERS,
            "parameters": {"X-Request-ID": _REQUEST_ID},
            "securitySchemes": {
                "admin_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`ADMIN_TOKEN` of the API.",
                }
            },
        },
    }


_REQUEST_ID: Final[Schema] = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "An id for the log, of at most 100 printable characters; without, one is made.",
    "schema": {"type": "string", "maxLength": LONGEST_REQUEST_ID, "pattern": "^[ -~]*$"},
}
_HEADERS: Final[dict[str, Schema]] = {
    "X-Request-ID": {
        "description": "The id of the request, by which the log knows it.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "The seconds after which trying again makes sense.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {"required": True, "schema": {"const": "Bearer"}},
}


class _Schemas(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  # pydantic's own signature
        """Never: a title that is the field's name again says nothing."""
        return False


def _schemas_of(routes: Sequence[Route]) -> tuple[dict[type[BaseModel], Schema], dict[str, Schema]]:
    """What refers to each model, and the schemas by name."""
    models: Models = {
        (Problem, "serialization"),
        (UnreadableListProblem, "serialization"),
        (UploadTooCostlyProblem, "serialization"),
        (UploadTooLargeProblem, "serialization"),
        (LimitProblem, "serialization"),
    }
    for route in routes:
        models |= {(model, "validation") for model in _models_of(route.body)}
        for body in route.answers.values():
            models |= {(model, "serialization") for model in _models_of(body)}
        if route.query:
            models.add((route.query, "validation"))
    in_order = sorted(models, key=lambda one: (one[0].__name__, one[1]))
    refs, defined = models_json_schema(in_order, ref_template=_REF, schema_generator=_Schemas)
    return {model: refs[model, mode] for model, mode in in_order}, defined["$defs"]


def _models_of(body: Body) -> Iterator[type[BaseModel]]:
    if isinstance(body, type):
        yield body
        return
    for content in body:
        yield from content.models.values()


def _problem_schemas(routes: Sequence[Route], schemas: dict[str, Schema]) -> dict[str, Schema]:
    kinds = {
        *(kind for route in routes for kind in kinds_of(route)),
        *kinds_without_route(),
    }
    return {
        schema_name(kind): kind.schema(schemas[kind.model.__name__])
        for kind in sorted(kinds, key=schema_name)
    }


def _operation(route: Route, refs: dict[type[BaseModel], Schema], query: Schema) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": [*_parameters(route, query)],
        "responses": {},
    }
    if route.body:
        operation["requestBody"] = {
            "required": True,
            "content": _content(route.body, refs, sent=True),
        }
    if route.admin:
        operation["security"] = [{"admin_token": []}]
    elif route.says_more_to_admin:
        operation["security"] = [{}, {"admin_token": []}]
    responses = operation["responses"]
    for status, body in route.answers.items():
        responses[str(status)] = _answer(route, status, body, refs)
    for status, kinds in groupby(kinds_of(route), key=lambda kind: kind.status):
        responses[str(status.value)] = answer_to(kinds)
    return operation


def _parameters(route: Route, query: Schema) -> Iterator[Schema]:
    for segment in route.template.split("/"):
        if segment.startswith("{"):
            name = segment.strip("{}")
            yield {"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]}
    for name, schema in query.get("properties", {}).items():
        if name not in route.without:
            yield _query_parameter(name, _without_null(schema))
    for name, description in route.request_headers.items():
        schema = REQUEST_HEADERS.get(name, {"type": "string"})
        yield {"name": name, "in": "header", "description": description, "schema": schema}
    if route.is_strict:
        yield {"$ref": "#/components/parameters/X-Request-ID"}


def _query_parameter(name: str, schema: Schema) -> Schema:
    parameter: Schema = {"name": name, "in": "query"}
    if description := schema.pop("description", None):
        parameter["description"] = description
    if schema.get("type") == "array":  # `?positions=3,9,12`, `?profile=Ash&profile=Bo`
        parameter |= {"style": "form", "explode": schema.pop("explode", False)}
    return parameter | {"schema": schema}


def _without_null(schema: Schema) -> Schema:
    """The schema of a parameter: one that is not given is null in its model, but no query says so.

    Where there is one other choice, what is left is that.
    """
    rest = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    choices: list[Schema] = [
        choice for choice in rest.pop("anyOf", []) if choice != {"type": "null"}
    ]
    if len(choices) == 1:
        return choices[0] | rest
    return rest | ({"anyOf": choices} if choices else {})


def _answer(route: Route, status: int, body: Body, refs: dict[type[BaseModel], Schema]) -> Schema:
    answer: Schema = {
        "description": HTTPStatus(status).phrase,
        "headers": {
            "X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"},
            **{
                name: {"description": what, "required": True, "schema": {"type": "string"}}
                for name, what in route.headers.items()
            },
        },
    }
    if body:
        answer["content"] = _content(body, refs)
    return answer


def _content(body: Body, refs: dict[type[BaseModel], Schema], *, sent: bool = False) -> Schema:
    if isinstance(body, type):
        return {"application/json": {"schema": refs[body]}}
    return {content.media_type: _media_type(content, refs, sent=sent) for content in body}


def _media_type(content: Content, refs: dict[type[BaseModel], Schema], *, sent: bool) -> Schema:
    """A body in words; of one made of JSON lines or events, `x-items` has the schema of each.

    What is sent as text is read as a list whatever it is: a tool that takes it for JSON must not
    find types that it could break.
    Of a stream of events `schema` is that of each event, as tools read it before OpenAPI 3.2.
    """
    # `format` is no word of 3.1, but it is what Swagger UI lets people choose files by.
    kind: Schema = {
        "type": "string",
        "format": "binary",
        "contentMediaType": "application/octet-stream",
    }
    if content.media_type == "multipart/form-data":
        kind = {"type": "object", "properties": {"file": {"type": "array", "items": kind}}}
    elif content.media_type == "text/event-stream":
        kind = {"oneOf": [_event(name, refs[model]) for name, model in content.models.items()]}
    elif content.media_type == "application/json" or (sent and _is_text(content)):
        kind = {}
    elif _is_text(content):
        kind = {"type": "string"}
    described: Schema = {"schema": kind | {"description": content.what}}
    if content.models:
        described["x-items"] = {name: refs[model] for name, model in content.models.items()}
    return described


def _is_text(content: Content) -> bool:
    return content.media_type.startswith(_TEXT)


def _event(name: str, ref: Schema) -> Schema:
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": ref}
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {"id": {"type": "string"}, "event": {"const": name}, "data": data},
    }
