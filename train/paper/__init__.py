"""The experiment of Sarroff & Casey (2014), section 3, on any music: `python -m aedsp.train.paper DIR`."""
