"""Sound in and out of a device: PortAudio, sources, the recorder, and the stream that joins them to an engine."""
