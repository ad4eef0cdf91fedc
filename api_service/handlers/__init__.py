"""HTTP handlers, one module for each resource: HTTP in, HTTP out."""
