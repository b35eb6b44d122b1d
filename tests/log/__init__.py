"""The log, its journal, and recordings."""
