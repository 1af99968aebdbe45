"""aedsp.train: from a folder of audio to a model file.

Audio to spectra: `tracks` finds and reads files, `drawing` analyses the windows of one, `corpus` keeps them in HDF5.
One network: `network` is the unrolled autoencoder with its gradient, on the `passes` and `products` of arrays;
`corruption`, `objectives`, `initial` and `sgd` are what it sees, is asked for, starts from, and how it gets there. A
run: `recipe` is every option, `examples` feeds a network, `stages` trains one, `training` all of them, `continuing` is
the model that it goes on from, `checkpoint` keeps them, `finishing` makes the model's layers, `report` shows them.
`__main__`, `screen`, `interrupt` and `memory` are the command. Nothing in `aedsp` outside this package imports it.
"""
