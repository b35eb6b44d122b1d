"""Where calls are made."""
