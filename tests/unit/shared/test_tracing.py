"""Spans that go nowhere, and a collector that is not there or says nothing."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from shared.tracing.context import TraceContext
from shared.tracing.spans import Kind, Tracing
from tests.support.collector import collecting

SESSION = "3f9a1c2e-7b04-4c11-9d52-0f6a1f6f6d51"


async def test_without_a_collector_a_trace_goes_on_unseen() -> None:
    parent = TraceContext.begun()
    async with Tracing() as spans:
        with spans.span("film", Kind.CONSUMER, parent) as span:
            span.note("some", "thing")
            span.fail("a test")
            assert span.context == parent
        with spans.span("one", Kind.CLIENT) as one, spans.span("other", Kind.CLIENT) as other:
            assert one.context.trace_id != other.context.trace_id


async def test_a_span_within_another_is_its_child() -> None:
    async with Tracing("http://127.0.0.1:1", "tests") as spans:
        parent = TraceContext.begun()
        with spans.span("film", Kind.CONSUMER, parent) as film:
            assert film.context.trace_id == parent.trace_id
            assert film.context.span_id != parent.span_id
            with spans.span("GET search_movie", Kind.CLIENT) as request:
                assert request.context.trace_id == parent.trace_id
                assert request.context.span_id != film.context.span_id
        with spans.span("film", Kind.CONSUMER) as alone:
            assert alone.context.trace_id != parent.trace_id


async def test_a_collector_that_says_nothing_does_not_keep_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.tracing.spans.FLUSH_SECONDS", 0.2)
    # OpenTelemetry's own patience, so that its thread does not outlive the test by much.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        spans = Tracing(f"http://{host}:{port}", "tests")
        await spans.__aenter__()
        with spans.span("film", Kind.CONSUMER):
            pass
        with capture_logs() as log:
            await spans.__aexit__(None, None, None)
        assert [event["event"] for event in log] == ["spans_lost"]


async def test_error_in_span_is_sent_without_whole_ids() -> None:
    async with collecting() as collector:
        async with Tracing(collector.url, "tests") as spans:
            with pytest.raises(ValueError, match=SESSION):
                _fail_within_a_span(spans)
        (sent,) = collector.spans
    assert sent.failed
    assert sent.attributes["about"] == "session 3f9a1c2e"
    assert b"ValueError" in collector.bodies
    assert b"Key (session_id)=(3f9a1c2e) already exists." in collector.bodies
    assert SESSION.encode() not in collector.bodies


def _fail_within_a_span(spans: Tracing) -> None:
    with spans.span("upload", Kind.SERVER) as span:
        span.note("about", f"session {SESSION}")
        raise ValueError(f"Key (session_id)=({SESSION}) already exists.")
