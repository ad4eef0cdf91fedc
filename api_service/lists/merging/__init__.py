"""Sightings to distinct films: merging, a session's films, and rows for COPY."""
