"""PostgreSQL as both services use it: connections, transactions and the listener."""
