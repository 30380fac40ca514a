"""Providers: bytes in, values out. No sockets in this room."""
