"""aedsp.train: from a folder of audio to a model file.

`data` goes from files to spectra, `network` is one network and its step, `run` one training, `report` what it shows,
`sweep` many trainings on one corpus, `paper` the paper's experiment; `recipes` are the shipped settings. `__main__` is
the command. Each imports only those before it.
"""
