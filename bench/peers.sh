#!/bin/sh
# Fetch who this server is measured against, from Debian's packages.
#
# Nothing of it starts by itself or keeps a port: what Debian would start as a service is unpacked into bench/peers
# and run from there. atftpd and tftpd-hpa exclude each other as packages, and so can stand side by side.
set -eu
cd "$(dirname "$0")"

TOOLS="dnsmasq-base wrk curl"
LIBRARIES="libwrap0 libpcre2-8-0 libssl3 zlib1g"

missing=
for tool in dnsmasq wrk taskset curl peers/usr/sbin/nginx peers/usr/sbin/atftpd peers/usr/sbin/in.tftpd; do
  command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ "$missing" ]; then
  [ "$(id -u)" = 0 ] || { echo "missing:$missing; as root: make bench" >&2; exit 1; }
  apt-get -qq update
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $TOOLS $LIBRARIES >/dev/null
  mkdir -p peers
  # nginx-light is this program with fewer modules beside it.
  (cd peers && apt-get -qq download nginx atftpd tftpd-hpa 2>/dev/null && for package in *.deb; do dpkg -x "$package" .; done && rm -- *.deb)
fi
