#!/usr/bin/env bash
# The whole path once, under the Node binary given: simulate a capture, import it, check, run a job on a worker pool, compare with what was sent.
set -euo pipefail
node=${1:-node}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flowreduce() { "$node" "$root/dist/cli.js" "$@"; }

flowreduce --version
sent=$(flowreduce simulate --target "$work/flows.pcap" --flows 20000 --seed 7 --format json --quiet)
flowreduce import "$work/flows.pcap" --store "file:$work/store" --block-size 256kB --quiet >/dev/null
flowreduce fsck --deep --store "file:$work/store" --quiet >/dev/null
result=$(flowreduce run totals --store "file:$work/store" --format json --quiet)
"$node" -e '
  const [sent, result] = process.argv.slice(1).map((text) => JSON.parse(text))
  const [row] = result.rows
  for (const name of ["flows", "packets", "bytes"]) {
    if (BigInt(row[name]) !== BigInt(sent[name])) throw new Error(`${name}: sent ${sent[name]}, found ${row[name]}`)
  }
  console.log(`smoke: ${row.flows} flows, ${row.bytes} bytes under node ${process.version}`)
' "$sent" "$result"
