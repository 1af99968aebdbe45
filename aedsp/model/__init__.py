"""What a model is: the analysis it sees, its layers, its file. NumPy only; control thread."""
