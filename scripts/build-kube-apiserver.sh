#!/usr/bin/env bash
# Builds the Kubernetes API server for tests from the source package of Debian 12, the only one of a current suite that has all
# of its dependencies in it. Takes about 5 minutes on 2 cores, and 2 GB in a folder that is removed afterwards; does nothing when
# it is there. scripts/install-test-servers.sh installs what this needs: Debian's own Go, make, rsync, jq and dpkg-dev.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/debian-suite.sh

suite=bookworm
source_sha256=b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc
reflect2_sha256=af150a5172cf4c19bb321a53e67103e7fb18d07c1baa1e816a235155265d3948
program="$PWD/.tools/servers/kube-apiserver/kube-apiserver"
# Debian's Go 1.19, whatever Go is first in PATH: a current one does not build a source of 2021.
debian_go=/usr/lib/go

if [ -x "$program" ]; then exit 0; fi
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT

# The signature of the suite is checked by apt, what is built by its hash.
download() {
  suite_apt "$work/apt" "$suite" source --download-only kubernetes
  suite_apt "$work/apt" "$suite" download golang-github-modern-go-reflect2-dev
  echo "$source_sha256  $(echo kubernetes_*.orig.tar.gz)" | sha256sum --check --quiet
  echo "$reflect2_sha256  $(echo golang-github-modern-go-reflect2-dev_*.deb)" | sha256sum --check --quiet
}

# reflect2 1.0.1, which Kubernetes 1.20 brings along, reads the memory of maps as it was before Go 1.18: the server ends with
# "fatal error: fault" after some seconds. Debian's own 1.0.2 does not.
replace_reflect2() {
  local vendored="$1/vendor/github.com/modern-go/reflect2"
  dpkg -x golang-github-modern-go-reflect2-dev_*.deb reflect2
  rm -f "$vendored"/*.go "$vendored"/*.s
  cp reflect2/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$vendored/"
}

build() {
  local go_path="$work/go" package=src/k8s.io/kubernetes
  mkdir -p "$go_path/src/k8s.io" "$work/home"
  mv "$1" "$go_path/$package"
  cd "$go_path/$package"
  env -u GOROOT -u GOBIN -u GOTOOLCHAIN PATH="$debian_go/bin:$PATH" GOPATH="$go_path" HOME="$work/home" GOENV=off \
    GOPROXY=off GOFLAGS=-mod=vendor CGO_ENABLED=0 nice make WHAT=cmd/kube-apiserver >"$work/log" 2>&1 || { tail -n 50 "$work/log" >&2; exit 1; }
  install -D -m 755 _output/bin/kube-apiserver "$program"
}

echo 'kube-apiserver: is built from source, which takes about 5 minutes'
cd "$work"
download
tar xzf kubernetes_*.orig.tar.gz
source_folder=$(echo "$work"/kubernetes-*/)
replace_reflect2 "$source_folder"
build "$source_folder"
"$program" --version
