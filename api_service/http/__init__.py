"""Middlewares, problem responses and route rules that every request passes through."""
