"""From audio files to spectra: what is found, drawn, kept in a corpus, and read in batches."""
