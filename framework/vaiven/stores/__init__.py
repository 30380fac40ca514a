"""Memory: promises kept, no opinions."""
