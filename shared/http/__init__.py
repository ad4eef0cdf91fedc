"""HTTP that both services speak: probes, problems, headers of every answer."""
