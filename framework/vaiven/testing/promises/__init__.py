"""The contract of a store, part by part. ``vaiven.testing.stores`` puts them together."""
