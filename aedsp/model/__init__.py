"""The model: its analysis front end, its layers, its file format. NumPy only; control thread."""
