"""The web console: phone simulator and vote board."""
