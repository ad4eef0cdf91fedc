"""Logging: configuration, redaction and throttling."""
