"""Errors that only the API raises, each with a stable code and an HTTP status."""

from __future__ import annotations

from http import HTTPStatus

from shared.errors import ProjectionistError


class BadRequestError(ProjectionistError):
    """The request itself is malformed."""

    code = "bad_request"
    status = HTTPStatus.BAD_REQUEST
    title = "The request cannot be read"


class EmptyUploadError(BadRequestError):
    """An upload without any bytes in it."""

    code = "empty_upload"
    title = "Nothing was uploaded"


class UploadTooLargeError(ProjectionistError):
    """More bytes than `UPLOAD_MAX_BYTES`."""

    code = "upload_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "The upload is too large"


class UploadTooCostlyError(ProjectionistError):
    """Reading the upload takes more than any list of films needs; `limit` says more of what."""

    code = "upload_too_costly"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "The upload takes too much to read"


class ParsersBusyError(ProjectionistError):
    """So many uploads are being read that this one would have to wait for too long."""

    code = "parsers_busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Too many uploads are being read"


class BodyTooSlowError(ProjectionistError):
    """The body came too slowly, or had not ended after `UPLOAD_SECONDS`."""

    code = "body_too_slow"
    status = HTTPStatus.REQUEST_TIMEOUT
    title = "The upload was sent too slowly"


class ClientLimitError(ProjectionistError):
    """One client asks for more than the operator grants each; `limit` says of what."""

    code = "client_limit"
    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "That is more than one client may have"


class ServiceFullError(ProjectionistError):
    """All clients together have what the operator grants; `limit` says of what."""

    code = "service_full"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The service takes no more at the moment"


class UploadTokenError(ProjectionistError):
    """An upload without one of the tokens that this service asks for."""

    code = "upload_token_required"
    status = HTTPStatus.UNAUTHORIZED
    title = "Uploading needs a token"


class CrossSiteError(ProjectionistError):
    """Another site's page had a browser send a request that would change something."""

    code = "cross_site_request"
    status = HTTPStatus.FORBIDDEN
    title = "Requests of other sites change nothing here"


class UnsupportedMediaTypeError(ProjectionistError):
    """A body that is neither a form nor a list."""

    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    title = "This kind of body is not accepted"


class UnreadableListError(ProjectionistError):
    """A file that holds no list of films; `extra` says which file, which line and which reason."""

    code = "unreadable_list"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "A file of the upload cannot be read as a list of films"


class InvalidBodyError(ProjectionistError):
    """A JSON body that does not say what the route needs."""

    code = "invalid_body"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The body does not say what is needed"


class UploadInProgressError(ProjectionistError):
    """The same `Idempotency-Key` is being stored by another request."""

    code = "upload_in_progress"
    status = HTTPStatus.CONFLICT
    title = "An upload with this Idempotency-Key is still being stored"


class IdempotencyKeyReusedError(ProjectionistError):
    """The `Idempotency-Key` belongs to another body."""

    code = "idempotency_key_reused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "This Idempotency-Key was used for another upload"


class ShareNotFoundError(ProjectionistError):
    """No such share: never, revoked or expired, or its session is gone."""

    code = "share_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "There is no such share"


class NotSharedError(ProjectionistError):
    """Asks by what the share does not show."""

    code = "not_shared"
    status = HTTPStatus.FORBIDDEN
    title = "The share does not show that"


class TooManySharesError(ProjectionistError):
    """The session has as many shares as it may have."""

    code = "too_many_shares"
    status = HTTPStatus.CONFLICT
    title = "The session has as many shares as it may have"


class MovieNotFoundError(ProjectionistError):
    """The session has no movie at this position."""

    code = "movie_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "The session has no such movie"


class SessionChangedError(ProjectionistError):
    """Others changed the session's films while more were read, and did so again and again."""

    code = "session_changed"
    status = HTTPStatus.CONFLICT
    title = "The session is being changed by others"


class SessionHeldError(ProjectionistError):
    """The operator holds the session: nothing comes to it until that is over."""

    code = "session_held"
    status = HTTPStatus.CONFLICT
    title = "The operator holds this list"


class AdminTokenError(ProjectionistError):
    """Worker control without the right admin token."""

    code = "admin_token_required"
    status = HTTPStatus.UNAUTHORIZED
    title = "Worker control needs the admin token"


class AdminTokenUnsetError(ProjectionistError):
    """Worker control while `ADMIN_TOKEN` is unset."""

    code = "admin_token_unset"
    status = HTTPStatus.FORBIDDEN
    title = "Worker control is switched off"
