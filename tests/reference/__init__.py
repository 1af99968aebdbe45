"""The specification: readable versions of every kernel in NumPy, float64. Nothing here imports a kernel."""
