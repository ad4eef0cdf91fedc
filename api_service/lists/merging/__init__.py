"""Sightings to distinct films: merging, films that a session has, and rows for COPY."""
