"""Logging: its configuration, what it leaves out, and how often a line may come."""
