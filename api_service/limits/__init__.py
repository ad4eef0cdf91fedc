"""Bounds on clients: who they are, their connections, their rates and the pace of their bodies."""
