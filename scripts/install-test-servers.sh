#!/usr/bin/env bash
# Installs the real servers that tests start: PowerDNS, BIND, Unbound, dnsdist, Consul and nginx. For Debian and
# its derivatives. Does nothing when everything is there; starts nothing; runs apt with sudo when not root.
#
# Consul is in no current suite of Debian. It is taken from an older one, without adding that to the machine's sources, and
# unpacked into .tools/servers/consul. LB_DEBIAN_MIRROR says where from; default: the mirror of the machine's own sources.
set -euo pipefail
cd "$(dirname "$0")/.."

# Servers are in /usr/sbin, which is not in everybody's PATH.
PATH="$PATH:/usr/sbin:/sbin"
consul_folder="$PWD/.tools/servers/consul"
consul_suite=bullseye
consul_version='1.8.7+dfsg1-2+b3'
consul_sha256=e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9

work=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
own_policy=no

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

finish() {
  rm -rf "$work"
  if [ "$own_policy" = yes ]; then as_root rm -f "$policy"; fi
}
trap finish EXIT

missing() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || return 0
  done
  return 1
}

# The packages start their services on installation, unless this file says no.
forbid_services() {
  [ -e "$policy" ] && return
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$work/policy"
  as_root install -m 755 "$work/policy" "$policy"
}

install_name_servers() {
  missing pdns_server pdnsutil named nsupdate unbound unbound-control dnsdist sqlite3 || return 0
  forbid_services
  as_root apt-get -qq update
  # The schema of the PowerDNS database is among the documentation, which images of containers leave out.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--path-include='/usr/share/doc/pdns-backend-sqlite3/*' \
    pdns-server pdns-backend-sqlite3 bind9 bind9-dnsutils unbound dnsdist sqlite3 >/dev/null
}

# The signature of the suite is checked by apt, the package itself by its hash.
install_consul() {
  if ! missing consul || [ -x "$consul_folder/usr/bin/consul" ]; then return 0; fi
  local mirror="${LB_DEBIAN_MIRROR:-}" keyring=/usr/share/keyrings/debian-archive-keyring.gpg deb
  if [ -z "$mirror" ] && grep -q '^ID=debian' /etc/os-release; then
    mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
      awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }')
  fi
  if [ -z "$mirror" ]; then
    echo 'consul: set LB_DEBIAN_MIRROR to a mirror of Debian, or put consul into the PATH' >&2
    return 1
  fi
  if [ ! -e "$keyring" ]; then
    as_root apt-get -qq install -y --no-install-recommends debian-archive-keyring >/dev/null
  fi
  mkdir -p "$work"/{etc/sources.d,state/lists/partial,cache/archives/partial,deb}
  : >"$work/status"
  echo "deb [signed-by=$keyring] $mirror $consul_suite main" >"$work/etc/sources.list"
  cat >"$work/apt.conf" <<CONF
Dir::Etc::sourcelist "$work/etc/sources.list";
Dir::Etc::sourceparts "$work/etc/sources.d";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
APT::Sandbox::User "$(id -un)";
CONF
  apt-get -qq -c "$work/apt.conf" update
  (cd "$work/deb" && apt-get -qq -c "$work/apt.conf" download "consul=$consul_version")
  deb=$(echo "$work"/deb/consul_*.deb)
  if [ "$(dpkg --print-architecture)" = amd64 ]; then echo "$consul_sha256  $deb" | sha256sum --check --quiet; fi
  rm -rf "$consul_folder"
  mkdir -p "$consul_folder"
  dpkg -x "$deb" "$consul_folder"
}

install_nginx() {
  missing nginx openssl || return 0
  forbid_services
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 \
    nginx openssl >/dev/null
}

install_name_servers
install_consul
install_nginx
