#!/bin/sh
# Kernel, real-time and engine tests under Debian 13 (gcc 14, its own Python), in a folder made by debootstrap.
#   sudo sh scripts/test_on_debian13.sh [FOLDER]          default: build/debian13; kept for the next run
# Needs root, debootstrap and the network; not part of `make test`.
set -eu
root=${1:-build/debian13}
cd "$(dirname "$0")/.."
if [ ! -x "$root/usr/bin/gcc" ] || [ ! -x "$root/usr/bin/python3" ]; then
    mkdir -p "$root"
    debootstrap --variant=minbase --include=gcc,libc6-dev,python3-dev,python3-venv,ca-certificates trixie "$root"
fi
cp /etc/resolv.conf "$root/etc/"
for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e "$file" ] || cp "$file" "$root$file"
done
rm -rf "$root/aedsp"
mkdir "$root/aedsp"
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$root/aedsp"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT
chroot "$root" sh -euc '
    cd /aedsp
    gcc --version | head -1
    [ -x /venv/bin/pip ] || python3 -m venv /venv
    /venv/bin/pip install --quiet --disable-pip-version-check --editable ".[train,test,report]"
    /venv/bin/python -m pytest -q -p no:cacheprovider tests/kernels tests/rt tests/engine -m "not slow"
'
