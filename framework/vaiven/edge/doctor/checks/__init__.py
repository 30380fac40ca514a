"""Facts to findings. Pure: a fact that is not known is said to be so, never guessed."""
