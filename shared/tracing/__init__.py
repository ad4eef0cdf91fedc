"""Tracing: W3C trace contexts, and spans where OpenTelemetry is installed."""
