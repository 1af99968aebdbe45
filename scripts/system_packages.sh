#!/bin/sh
# What the system must bring: a C compiler, Python's headers and venv, PortAudio (only for sound).
# As root on Debian it installs what is missing; elsewhere it prints one line and goes on with what there is.
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
        echo "apt-get could not install$missing; going on with what there is"
elif command -v apt-get >/dev/null 2>&1; then
    echo "Missing; please run: sudo apt-get install$missing"
elif command -v dnf >/dev/null 2>&1; then
    echo "Missing; please run: sudo dnf install gcc python3-devel portaudio"
elif command -v pacman >/dev/null 2>&1; then
    echo "Missing; please run: sudo pacman -S gcc python portaudio"
elif command -v brew >/dev/null 2>&1; then
    echo "Missing; please run: xcode-select --install; brew install python portaudio"
else
    echo "Missing:$missing (a C compiler, Python's headers and venv, PortAudio); please install them with your system's packages"
fi
exit 0
