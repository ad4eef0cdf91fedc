"""What the daemon decides, as plain functions with no I/O."""
