"""Taking uploads in: spooling, temporary folders, disk budget and parser processes."""
