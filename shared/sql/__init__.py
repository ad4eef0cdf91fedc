"""Statements that both services run: counts, requeueing, orphans, grants of turns, the pause."""
