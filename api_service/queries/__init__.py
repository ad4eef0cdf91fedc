"""Parameters of requests, checked and typed."""
