"""The revisions, oldest first; each holds its SQL as it is run."""
