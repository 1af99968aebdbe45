"""The real-time side: what the audio thread runs, compiled, without the GIL, a lock or an allocation."""
