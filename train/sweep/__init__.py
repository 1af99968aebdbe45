"""Many trainings over one corpus, on all cores or on a Dask cluster."""
