"""One network and its training step: forward pass, gradient, objectives, initial weights, optimizers."""
