#!/usr/bin/env bash
# Builds the S3 servers that `vitest --project servers` runs against, into a cache folder outside the checkout. Does nothing for those already there.
# A binary's name holds its version and the Go version, so that a cache never serves an old one. test/servers/servers.ts reads the versions from here.
set -euo pipefail

MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
VERSITYGW_VERSION=v1.8.0

bin=${FLOWREDUCE_CACHE:-$HOME/.cache/flowreduce}/bin
command -v go >/dev/null || { echo "install-servers: expected Go on PATH, got none (https://go.dev/dl)" >&2; exit 1; }
go_version=$(go env GOVERSION)
mkdir -p "$bin"

# install NAME VERSION PACKAGE: the binary appears under its final name only once it is whole.
install() {
  local name=$1 version=$2 package=$3
  local target=$bin/$name-$version-$go_version
  if [ -x "$target" ]; then
    echo "install-servers: $target is there"
    return
  fi
  local work
  work=$(mktemp -d "$bin/.build.XXXXXX")
  echo "install-servers: building $name $version with $go_version (minutes)"
  GOBIN=$work go install -ldflags '-s -w' "$package@$version" || { rm -rf "$work"; return 1; }
  mv "$work/$name" "$target"
  rm -rf "$work"
  echo "install-servers: $target"
}

install versitygw "$VERSITYGW_VERSION" github.com/versity/versitygw/cmd/versitygw
install minio "$MINIO_VERSION" github.com/minio/minio
