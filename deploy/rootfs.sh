#!/bin/sh
# Lays out all that the gateway's image has: the program, the libraries that it is linked to, and a user.
#   rootfs.sh PROGRAM FOLDER
set -eu
program=$1
root=$2

install -D -m 0755 "$program" "$root/usr/bin/admitone"

libraries=$(ldd "$program")
for library in $(printf '%s\n' "$libraries" | sed -n 's|.*=> \(/[^ ]*\) .*|\1|p; s|^[[:space:]]*\(/[^ ]*\) .*|\1|p'); do
    install -D -m 0755 "$(readlink -f "$library")" "$root$library"
done

install -d -m 0755 "$root/etc/admitone"
printf 'admitone:x:65532:65532::/nonexistent:/usr/sbin/nologin\n' >"$root/etc/passwd"
printf 'admitone:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
