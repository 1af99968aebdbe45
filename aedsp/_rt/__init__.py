"""The real-time side: compiled code that the audio thread runs without GIL, locks or allocation."""
