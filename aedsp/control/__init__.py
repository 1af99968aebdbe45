"""Everything that moves the controls: actions, MIDI controllers and mappings, recorded gestures, automation."""
