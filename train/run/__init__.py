"""One training run: its recipe, stages and checkpoint, and the finished model."""
