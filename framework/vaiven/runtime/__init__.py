"""Where the rooms meet: intake, turn, sender. I/O is handed in."""
