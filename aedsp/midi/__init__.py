"""MIDI: messages and mappings are data, the hand turns them into control values, ports are the only door to rtmidi."""
