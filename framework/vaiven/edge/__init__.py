"""The outer wall: sockets, argv, environment, clock. Decides nothing."""
