"""Who moves the controls: MIDI controllers and their mappings, recorded gestures, automation."""
