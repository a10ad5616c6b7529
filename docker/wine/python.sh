#!/bin/sh
# The Windows python.exe, run by Wine. Each user gets a prefix of his own below /tmp: the registry is small and copied,
# the system's files stay in the image, whose root may be read-only.
home=/tmp/wine-$(id -u)
# By the locale Wine names files that are not ASCII; a container without one would get question marks.
export LC_ALL=C.UTF-8 WINEDEBUG=-all HOME="$home" WINEPREFIX="$home/prefix" XDG_RUNTIME_DIR="$home"
if [ ! -d "$WINEPREFIX" ]; then
    mkdir -p "$WINEPREFIX/dosdevices" "$WINEPREFIX/drive_c"
    cp /opt/wine/prefix/*.reg /opt/wine/prefix/.update-timestamp "$WINEPREFIX/"
    cp -r /opt/wine/prefix/drive_c/users "$WINEPREFIX/drive_c/"
    ln -s /opt/wine/prefix/drive_c/[!u]* "$WINEPREFIX/drive_c/"
    ln -s ../drive_c "$WINEPREFIX/dosdevices/c:"
    ln -s / "$WINEPREFIX/dosdevices/z:"
fi
# On drive C no file of Linux is in sight, as on Windows; the image's own files are on Z.
cd "$WINEPREFIX/drive_c"
for argument; do
    shift
    case $argument in /*) argument=z:$argument ;; esac
    set -- "$@" "$argument"
done
exec wine /opt/python/python.exe "$@"
