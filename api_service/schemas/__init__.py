"""Pydantic models of answers, one module for each resource."""
