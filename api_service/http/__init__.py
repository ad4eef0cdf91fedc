"""Middlewares, problems and the rules of a route: what every request passes through."""
