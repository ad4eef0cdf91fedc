"""What a daemon does when: claims, slots, retries, saving, heartbeats and maintenance."""
