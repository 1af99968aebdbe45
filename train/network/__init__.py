"""One network and its step: forward, gradient, objectives, where it starts, how it descends."""
