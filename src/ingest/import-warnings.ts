import type { DecodeCounters } from './decode/counters.ts'
import type { FileFacts } from './input/read.ts'

/** What somebody who imports a file should know of it, a line each. */
export function fileWarnings(
  file: string,
  facts: Omit<FileFacts, 'kind' | 'sha256'>,
  before: DecodeCounters,
  after: DecodeCounters,
): string[] {
  const { skippedPackets, abandonedFragments, trailingBytes, unknownLink } = facts
  const datagrams = after.datagrams - before.datagrams
  const malformed = after.malformedDatagrams - before.malformedDatagrams
  const quarantined = after.quarantined - before.quarantined
  const warnings: string[] = []
  const warn = (text: string): void => void warnings.push(`import: ${file}: ${text}`)
  if (malformed > 0) warn(`${malformed} of ${datagrams} datagrams malformed (${reasons(before, after)})`)
  if (after.flows === before.flows) warn(datagrams === 0 ? 'no datagrams' : `no flows in ${datagrams} datagrams`)
  if (trailingBytes > 0) warn(`${trailingBytes} bytes after the last whole message`)
  if (abandonedFragments > 0) warn(`${abandonedFragments} fragmented datagrams incomplete`)
  if (skippedPackets > 0) warn(`${skippedPackets} packets are not UDP`)
  if (unknownLink !== undefined) warn(`packets of link type ${unknownLink} skipped`)
  if (quarantined > 0) warn(`${quarantined} flows with a counter above 2^53 - 1 moved to the dataset quarantine/ingest`)
  return warnings
}

/** Sets whose template never came, over all files. */
export function givenUpWarning({ setsGivenUp }: DecodeCounters): string[] {
  return setsGivenUp === 0 ? [] : [`import: ${setsGivenUp} data sets without a template, their flows are not known`]
}

/** How many datagrams were refused for which reason. */
function reasons(before: DecodeCounters, after: DecodeCounters): string {
  const earlier: { readonly [reason: string]: number | undefined } = before.malformed
  return Object.entries(after.malformed)
    .map(([reason, count]) => [reason, count - (earlier[reason] ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ')
}
