"""Live audio: PortAudio devices, sources, the recorder, and the stream that connects them to an engine."""
