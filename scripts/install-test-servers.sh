#!/usr/bin/env bash
# Installs the real servers that tests start: PowerDNS, BIND, Unbound, dnsdist, nginx, Prometheus, Consul, etcd (two versions), Nacos (two
# versions) and the Kubernetes API server; services in Go; Chromium; and what cuts networks: nftables, iproute2. For Debian and its
# derivatives. Does nothing when everything is there; starts nothing; runs apt with sudo when not root.
#
# What the distribution does not have is taken from another suite of Debian, without adding that to the machine's sources, and
# unpacked into .tools/servers. LB_DEBIAN_MIRROR says where from; default: the mirror of the machine's own sources.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/debian-suite.sh

# Servers are in /usr/sbin, which is not in everybody's PATH.
PATH="$PATH:/usr/sbin:/sbin"
servers="$PWD/.tools/servers"

work=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
own_policy=no

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

install_packages() {
  forbid_services
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null
}

install_name_servers() {
  missing pdns_server pdnsutil named nsupdate unbound unbound-control dnsdist sqlite3 || return 0
  # The schema of the PowerDNS database is among the documentation, which images of containers leave out.
  install_packages -o Dpkg::Options::=--path-include='/usr/share/doc/pdns-backend-sqlite3/*' \
    pdns-server pdns-backend-sqlite3 bind9 bind9-dnsutils unbound dnsdist sqlite3
}

# unpack_from_suite FOLDER SUITE PACKAGE VERSION SHA256: a package of another suite, into .tools/servers/FOLDER alone.
unpack_from_suite() {
  rm -rf "${servers:?}/$1"
  add_from_suite "$@"
}

# The same, beside what is there. The signature of the suite is checked by apt, the package itself by its hash, which is that for
# amd64.
add_from_suite() {
  local folder="$servers/$1" suite=$2 package=$3 version=$4 sha256=$5 deb
  mkdir -p "$work/$suite/deb"
  (cd "$work/$suite/deb" && suite_apt "$work/$suite" "$suite" download "$package=$version")
  deb=$(echo "$work/$suite/deb/${package}"_*.deb)
  if [ "$(dpkg --print-architecture)" = amd64 ]; then echo "$sha256  $deb" | sha256sum --check --quiet; fi
  mkdir -p "$folder"
  dpkg -x "$deb" "$folder"
}

# In no current suite.
install_consul() {
  if ! missing consul || [ -x "$servers/consul/usr/bin/consul" ]; then return 0; fi
  unpack_from_suite consul bullseye consul '1.8.7+dfsg1-2+b3' \
    e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9
}

# install_etcd NAME …: unpacked under a name of its own, because there are two of them, and an installed one would be a service.
install_etcd() {
  local name=$1
  if [ -x "$servers/$name/$name" ]; then return 0; fi
  unpack_from_suite "$name" "$2" etcd-server "$3" "$4"
  ln -s usr/bin/etcd "$servers/$name/$name"
}

install_nginx() {
  missing nginx openssl || return 0
  install_packages nginx openssl
}

# The page of the dashboard is tested in it. Without a font, its texts have no width.
install_browser() {
  missing chromium || return 0
  install_packages chromium fonts-dejavu-core
}

install_prometheus() {
  missing prometheus promtool || return 0
  install_packages prometheus
}

install_network_tools() {
  missing nft ip || return 0
  install_packages nftables iproute2
}

install_kube_apiserver() {
  if [ -x "$servers/kube-apiserver/kube-apiserver" ]; then return 0; fi
  if missing /usr/lib/go/bin/go make rsync jq dpkg-source; then install_packages golang-go make rsync jq dpkg-dev; fi
  bash scripts/build-kube-apiserver.sh
}

install_nacos() {
  if missing java javac mvn; then install_packages openjdk-17-jdk-headless maven; fi
  bash scripts/build-nacos.sh
}

has_current_go() {
  [[ "$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || true)" =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 24 ]
}

# Go 1.24 or later builds what stands for services in Go: that in PATH, else that of Debian 13.
install_go_interop() {
  local go=go
  if ! has_current_go; then
    go="$servers/go-1.24/usr/lib/go-1.24/bin/go"
    if [ ! -x "$go" ]; then
      unpack_from_suite go-1.24 trixie golang-1.24-src 1.24.4-1 \
        c396bc2c2e94606e0a060cff52b9bbbf1d7cefacb040eb3c40a55604111e66e1
      add_from_suite go-1.24 trixie golang-1.24-go 1.24.4-1 \
        93c6c109bbc0f1d55523282a16739d10634499c04f6d066a6aa58b67b687a44f
    fi
  fi
  bash scripts/build-go-interop.sh "$go"
}

install_name_servers
install_nginx
install_prometheus
install_network_tools
install_browser
install_consul
install_etcd etcd-3.4 bookworm 3.4.23-4+b4 3a9445d4560ad6de1c375756b2a17d97713df44cbd20a658c871fe108af7ef5d
install_etcd etcd-3.5 trixie 3.5.16-4 0875921bb0d023f2af9b8e15cdfbe417a03e65731345fb832c40f9c2dd72967b
install_kube_apiserver
install_nacos
install_go_interop
