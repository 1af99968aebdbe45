"""The specification: every kernel once more in NumPy, float64, written to be read. Nothing here imports a kernel."""
