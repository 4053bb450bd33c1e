#!/bin/sh
# Installs what is missing through the system's package manager, or says what
# is. Silent and quick when nothing is. Usage: deps.sh [SET]..., the sets being
# base, check, valgrind, bench, nginx, and the VMs: 5.4, 5.3, 5.1, luajit.
set -eu

base="gcc libc6-dev make pkg-config lua5.4 liblua5.4-dev libssl-dev libidn2-dev
  lua-busted lua-socket lua-cqueues lua-luv lua-copas luarocks openssl curl
  python3 gnutls-bin ca-certificates git"
check="clang-format lua-check universal-ctags"
valgrind="valgrind"
nginx="nginx-light libnginx-mod-http-lua wrk luajit2 libluajit2-5.1-dev
  liblua5.1-0-dev"
bench="lua-sec lua-luaossl gnuplot-nox wrk nginx-light util-linux"

# Debian says liblua5.1-0-dev, and liblua5.3-dev.
lib_suffix() {
  [ "$1" != 5.1 ] || echo "-0"
}

packages=
for set in "${@:-base}"; do
  case $set in
    base) packages="$packages $base" ;;
    5.[0-9]) packages="$packages lua$set liblua$set$(lib_suffix "$set")-dev" ;;
    luajit) packages="$packages luajit2 libluajit2-5.1-dev liblua5.1-0-dev" ;;
    check) packages="$packages $check" ;;
    valgrind) packages="$packages $valgrind" ;;
    bench) packages="$packages $bench" ;;
    # Where there is no dpkg, the spec that needs it is skipped.
    nginx) ! command -v dpkg-query >/dev/null || packages="$packages $nginx" ;;
    *) echo "deps.sh: no such set: $set" >&2; exit 2 ;;
  esac
done

# What to look for where there is no dpkg: a command, a header by pkg-config,
# or a Lua module.
present() {
  case $1 in
    libc6-dev) [ -e /usr/include/stdio.h ] ;;
    liblua5.*-dev) version=${1#liblua} && version=${version%%-*} &&
      { pkg-config --exists "lua$version" || pkg-config --exists "lua-$version"; } ;;
    luajit2) command -v luajit ;;
    libluajit2-5.1-dev) pkg-config --exists luajit ;;
    libssl-dev) pkg-config --exists openssl ;;
    libidn2-dev) pkg-config --exists libidn2 ;;
    lua-busted) [ -x /usr/bin/busted ] ;;
    lua-socket) lua5.4 -e 'require "socket"' ;;
    lua-cqueues) lua5.4 -e 'require "cqueues"' ;;
    lua-luv) lua5.4 -e 'require "luv"' ;;
    lua-copas) lua5.4 -e 'require "copas"' || lua5.1 -e 'require "copas"' ;;
    lua-sec) lua5.4 -e 'require "ssl"' ;;
    lua-luaossl) lua5.4 -e 'require "openssl"' ;;
    gnuplot-nox) command -v gnuplot ;;
    nginx-light) command -v nginx ;;
    util-linux) command -v taskset ;;
    lua-check) command -v luacheck ;;
    gnutls-bin) command -v gnutls-cli ;;
    universal-ctags) command -v ctags ;;
    ca-certificates) [ -d /etc/ssl/certs ] ;;
    *) command -v "$1" ;;
  esac >/dev/null 2>&1
}

missing=
if command -v dpkg-query >/dev/null; then
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages \
    2>/dev/null || true)
  for package in $packages; do
    case "
$installed
" in
      *"
$package installed
"*) ;;
      *) missing="$missing $package" ;;
    esac
  done
else
  for package in $packages; do
    present "$package" || missing="$missing $package"
  done
fi
[ -n "$missing" ] || exit 0

say_and_stop() {
  echo "missing, and $1; please install (names as in Debian):" >&2
  echo " $missing" >&2
  exit 1
}

command -v apt-get >/dev/null || say_and_stop "there is no apt-get here"
as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || say_and_stop "this is neither root nor has sudo"
  as_root="sudo"
  [ -t 0 ] || as_root="sudo -n" # nobody could type a password
fi

echo "installing:$missing"
run() {
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null
}
run update || say_and_stop "apt-get update failed"
# shellcheck disable=SC2086
run install -y --no-install-recommends $missing >/dev/null ||
  say_and_stop "apt-get could not install"
