"""How records become a conversation: state, order, turns, and one handler for each event type."""
