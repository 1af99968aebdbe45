"""The player's application. In this version: a clip resynthesized, written, drawn and played aloud."""
