"""Plain Python without I/O to services: what the API decides and computes."""
