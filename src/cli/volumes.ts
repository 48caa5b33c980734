import { formatBytes } from '../flow/size.ts'
import { formatInstant } from '../flow/time.ts'
import { propertyLines } from '../report/lines.ts'
import { countOf } from '../report/number.ts'
import type { Replication } from '../storage/replica/copies.ts'
import type { VolumeHealth } from '../storage/replica/maintain.ts'

/** The volumes of a replica set, one a line: where it is, how it stands, when it was last heard of. */
export function volumeLines(volumes: readonly VolumeHealth[], more: (slot: number) => string = () => ''): string[] {
  return propertyLines(
    volumes.map(({ url, state, heartbeat, givenUp }, slot) => {
      const heard = heartbeat === null ? 'no heartbeat yet' : `heartbeat ${formatInstant(heartbeat)}`
      return [url, `${state}${givenUp ? ', given up' : ''}, ${heard}${more(slot)}`]
    }),
    '  ',
  )
}

/** How blocks are replicated, for people. */
export function replicationLines({
  factor,
  quorum,
  epoch,
  volumes,
  underReplicated,
  outOfReach,
}: Replication): string[] {
  const short = underReplicated === 0 ? 'every block has them' : `${countOf(underReplicated, 'block')} short of them`
  const gone = outOfReach === 0 ? '' : `, ${outOfReach} of these out of reach`
  return [
    ...propertyLines([
      ['replication', `${countOf(factor, 'copy', 'copies')} of each block: ${short}${gone}`],
      ['commits', `on ${quorum} of ${volumes.length} volumes, epoch ${epoch}`],
    ]),
    ...volumeLines(volumes, (slot) => {
      const { blocks, sizeBytes } = volumes[slot]!
      return `, ${countOf(blocks, 'block')} (${formatBytes(sizeBytes)})`
    }),
  ]
}
