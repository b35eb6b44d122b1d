"""The event log: what happened, kept in order, in memory and on disk."""
