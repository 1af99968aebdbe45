#!/bin/sh
# Checks for system packages: a C compiler, Python headers and venv, PortAudio (only for live audio).
# As root on Debian, installs missing packages; otherwise prints how to install them. Never fails.
python=${PYTHON:-python3}
missing=""
command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || missing="$missing gcc"
"$python" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' \
    2>/dev/null || missing="$missing python3-dev"
"$python" -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3-venv"
if [ "$(uname)" = Linux ]; then
    "$python" -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("portaudio"))' 2>/dev/null || missing="$missing libportaudio2"
fi
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing:$missing"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 ||
        echo "Warning: apt-get could not install$missing; continuing without"
elif command -v apt-get >/dev/null 2>&1; then
    echo "Missing system packages. Run: sudo apt-get install$missing"
elif command -v dnf >/dev/null 2>&1; then
    echo "Missing system packages. Run: sudo dnf install gcc python3-devel portaudio"
elif command -v pacman >/dev/null 2>&1; then
    echo "Missing system packages. Run: sudo pacman -S gcc python portaudio"
elif command -v brew >/dev/null 2>&1; then
    echo "Missing system packages. Run: xcode-select --install; brew install python portaudio"
else
    echo "Missing system packages:$missing. Install a C compiler, Python headers and venv, and PortAudio with your package manager."
fi
exit 0
