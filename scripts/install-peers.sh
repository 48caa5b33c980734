#!/usr/bin/env bash
# Makes the Python environment that `vitest --project peers` reads blocks with, in a cache folder outside the checkout; prints the interpreter's path.
# Does nothing when it is there. The folder's name holds the versions, so that a cache never serves an old one.
set -euo pipefail

PYTHON=${FLOWREDUCE_PYTHON:-python3}
PACKAGES=(fastavro==1.12.2 cramjam==2.11.0 duckdb==2.0.0 pyarrow==26.0.1)

cache=${FLOWREDUCE_CACHE:-$HOME/.cache/flowreduce}
command -v "$PYTHON" >/dev/null || { echo "install-peers: expected $PYTHON on PATH, got none" >&2; exit 1; }
version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
names=$(IFS=_; echo "${PACKAGES[*]}")
target=$cache/peers-python$version-${names//==/-}

if [ ! -x "$target/bin/python" ] || [ ! -e "$target/complete" ]; then
  rm -rf "$target"
  mkdir -p "$cache"
  "$PYTHON" -m venv "$target" >&2
  "$target/bin/pip" install --quiet "${PACKAGES[@]}" >&2
  touch "$target/complete"
fi
echo "$target/bin/python"
