"""Server-Sent Events: the hub, its subscriptions and the encoding."""
