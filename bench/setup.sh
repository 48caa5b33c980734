#!/usr/bin/env bash
# Installs what the benchmark compares with: nfdump from Debian; DuckDB, ClickHouse (chdb), Polars and pyarrow from PyPI in a virtual environment outside
# the checkout (FLOWREDUCE_CACHE, default ~/.cache/flowreduce); a C compiler for the sender. Prints the environment's python. Repeatable.
set -euo pipefail
cache=${FLOWREDUCE_CACHE:-$HOME/.cache/flowreduce}
venv=$cache/bench-venv
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
missing=()
command -v nfdump >/dev/null || missing+=(nfdump)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
python3 -m venv --help >/dev/null 2>&1 || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import duckdb, chdb, polars, pyarrow' 2>/dev/null; then
  mkdir -p "$cache"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 chdb==4.4.0 polars==2.1.0 pyarrow==26.0.1 >&2
fi
cc -O2 -o "$cache/bench-send" "$(dirname "${BASH_SOURCE[0]}")/send.c"
echo "$venv/bin/python"
