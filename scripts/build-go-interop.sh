#!/usr/bin/env bash
# Builds what stands for services in Go in tests: test-servers/go, with the modules that go.sum names. About 2 minutes; does nothing
# when what is there was built from the same sources. scripts/install-test-servers.sh says where Go is.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${1:-go}
target="$PWD/.tools/servers/go-interop"
sources=$(cat test-servers/go/*.go test-servers/go/go.mod test-servers/go/go.sum | sha256sum)

if [ -x "$target/lb-interop" ] && [ "$(cat "$target/sources" 2>/dev/null)" = "$sources" ]; then exit 0; fi
echo 'go-interop: is built from source, which takes about 2 minutes'
mkdir -p "$target"
env -C test-servers/go CGO_ENABLED=0 GOFLAGS=-mod=readonly nice "$go" build -trimpath -buildvcs=false -o "$target/lb-interop.new" .
mv "$target/lb-interop.new" "$target/lb-interop"
echo "$sources" >"$target/sources"
