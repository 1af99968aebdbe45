"""Output of a training run: progress on the console, and a page with figures and sound at the end."""
