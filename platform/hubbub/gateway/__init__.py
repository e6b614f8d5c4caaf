"""The gateway: seats of a live run, taken from outside over HTTP, by a token each."""
