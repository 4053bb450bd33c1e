#!/bin/sh
# Runs a command under a kernel that has kernel TLS, as a user: user-mode Linux
# over this file system. For machines whose own kernel has none:
#   make test RUNNER=tools/uml.sh ARGS=spec/ktls_spec.lua
# Needs Debian's package user-mode-linux, or UML_ROOT, where it is unpacked; and
# root, or files that anybody may read. Ends as the command does.
set -eu

root=${UML_ROOT:-}
modules=$(echo "$root"/usr/lib/uml/modules/*/kernel)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The environment and the command, for the other side.
export -p >"$dir/env"
for word; do
  printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"
done >"$dir/command"

# The first process: what a system sets up, as far as the suite needs it.
cat >"$dir/init" <<EOF
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=1777 tmpfs "$dir/tmp"
python3 - <<'END'
import ctypes, fcntl, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
for name in ("crypto/gf128mul", "crypto/ghash-generic", "crypto/ctr",
             "crypto/gcm", "net/tls/tls"):
    fd = os.open("$modules/" + name + ".ko", os.O_RDONLY)
    if libc.syscall(313, fd, b"", 0) != 0:  # finit_module
        print("cannot load", name, os.strerror(ctypes.get_errno()))
with socket.socket() as s:  # lo is up and running
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
END
. "$dir/env"
export TMPDIR="$dir/tmp"
cd "$PWD"
sh "$dir/command"
echo \$? >"$dir/status"
python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)'
EOF
mkdir "$dir/tmp"
chmod +x "$dir/init"
setsid "$root/usr/bin/linux.uml" mem=768M rootfstype=hostfs rw quiet \
  init="$dir/init" con=null con0=fd:0,fd:1 </dev/null >"$dir/out" 2>&1 || true
cat "$dir/out"
exit "$(cat "$dir/status" || echo 1)"
