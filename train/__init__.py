"""aedsp.train: from a folder of audio to a model file.

`data` turns files into spectra, `network` is one network and its training step, `run` one training run, `report` its
output, `sweep` many runs on one corpus, `paper` the experiment of the paper; `recipes` has the shipped settings and
`__main__` the command. Each imports only those before it.
"""
