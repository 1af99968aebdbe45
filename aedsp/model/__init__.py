"""The model: its analysis front end, its layers, its file format. NumPy; h5py in `file`, a kernel in `analysis`."""
