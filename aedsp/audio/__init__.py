"""Reads, writes and plots audio files."""
