#!/bin/sh
# Runs the Windows python.exe with Wine. Each user gets a Wine prefix below /tmp: the small registry is copied, and the
# system files stay in the image, whose root may be read-only.
home=/tmp/wine-$(id -u)
# Wine needs a UTF-8 locale for file names beyond ASCII; without one it replaces characters by question marks.
export LC_ALL=C.UTF-8 WINEDEBUG=-all HOME="$home" WINEPREFIX="$home/prefix" XDG_RUNTIME_DIR="$home"
if [ ! -d "$WINEPREFIX" ]; then
    mkdir -p "$WINEPREFIX/dosdevices" "$WINEPREFIX/drive_c"
    cp /opt/wine/prefix/*.reg /opt/wine/prefix/.update-timestamp "$WINEPREFIX/"
    cp -r /opt/wine/prefix/drive_c/users "$WINEPREFIX/drive_c/"
    ln -s /opt/wine/prefix/drive_c/[!u]* "$WINEPREFIX/drive_c/"
    ln -s ../drive_c "$WINEPREFIX/dosdevices/c:"
    ln -s / "$WINEPREFIX/dosdevices/z:"
fi
# On drive C files of Linux are not visible, as on Windows. The image's own files are on drive Z.
cd "$WINEPREFIX/drive_c"
for argument; do
    shift
    case $argument in /*) argument=z:$argument ;; esac
    set -- "$@" "$argument"
done
exec wine /opt/python/python.exe "$@"
