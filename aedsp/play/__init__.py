"""The player's application. In this version: the shipped demo, or a file, resynthesized, written, drawn and played aloud."""
