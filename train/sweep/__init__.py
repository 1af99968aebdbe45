"""Many training runs on one corpus, on all cores or on a Dask cluster."""
