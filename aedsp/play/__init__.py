"""The `aedsp.play` application: instrument, screen, text interfaces, sessions and snapshots."""
