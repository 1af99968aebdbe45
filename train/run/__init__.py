"""One training: its recipe, its stages, its checkpoint, the finished model."""
