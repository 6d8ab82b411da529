#!/usr/bin/env bash
# Puts Nacos servers for tests together, from Maven Central: `test-servers/nacos/VERSION` has the dependencies, the hashes of the
# modules of Nacos, which com.alibaba.nacos does not publish itself, and the program that starts them. About 1 minute each; does
# nothing for those that are there. scripts/install-test-servers.sh installs what this needs: a JDK of 17 or later, and Maven.
set -euo pipefail
cd "$(dirname "$0")/.."
sources="$PWD/test-servers/nacos"
dependency_plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

# build VERSION: into .tools/servers/nacos-VERSION, complete or not at all.
build() {
  local version=$1 name="nacos-$1" target="$PWD/.tools/servers/nacos-$1" work
  if [ -x "$target/$name" ]; then return 0; fi
  echo "$name: its jars come from Maven Central"
  rm -rf "$target" "$target.new"
  work="$target.new"
  mkdir -p "$work/classes/META-INF/services"
  mvn --batch-mode --quiet --strict-checksums -f "$sources/$version/pom.xml" "$dependency_plugin:copy-dependencies" \
    -DincludeScope=runtime -DoutputDirectory="$work/lib" </dev/null
  (cd "$work/lib" && sha256sum --check --quiet "$sources/$version/SHA256SUMS")
  javac -parameters -cp "$work/lib/*" -d "$work/classes" "$sources/$version/StandaloneNacos.java" \
    "$sources/loopback/LoopbackServerProvider.java"
  echo LoopbackServerProvider >"$work/classes/META-INF/services/io.grpc.ServerProvider"
  cp "$sources/nacos.sh" "$work/$name"
  chmod 755 "$work/$name"
  mv "$work" "$target"
}

build 2.5
build 3.1
