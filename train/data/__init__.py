"""From audio files to spectra: find tracks, draw spectra, store them in a corpus, read them in batches."""
