"""Uploads: spooling, temporary folders, disk budget and parser processes."""
