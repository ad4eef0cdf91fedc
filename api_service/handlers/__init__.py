"""Handlers: HTTP in, HTTP out; what they decide stands in rules, what they keep in storage."""
