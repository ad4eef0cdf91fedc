"""What both services need: settings, the database, its listener, crossing models, errors, logs."""
