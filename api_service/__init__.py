"""The API: uploads, status, results, worker control and probes over HTTP."""
