"""Limits on clients: identity, connections, rates and the pace of bodies."""
