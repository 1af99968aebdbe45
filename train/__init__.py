"""aedsp.train: from a folder of audio to a model file.

`tracks` finds and reads the audio, `corpus` draws spectra from it into an HDF5 file, `network` is the autoencoder with
its gradient, `initial` where it starts, `objectives` what it is asked for, `sgd` how it gets there, `recipe` every
option, `training` the run from corpus to model; `__main__`, `screen` and `interrupt` are the command. Nothing in
`aedsp` outside this package imports it.
"""
