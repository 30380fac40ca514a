"""For our tests and our users' tests: contract suites, fake provider, hand-moved clock."""
