"""How a session's events travel: browser (through the widget), peer (aiortc), sideband (WebSocket)."""
