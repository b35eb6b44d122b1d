"""Nothing leaves this machine while tests run."""
