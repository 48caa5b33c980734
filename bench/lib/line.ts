import type { FeedBench, Live } from './feed.ts'
import { highestLossless } from './feed.ts'
import type { Measured, Measurement } from './measure.ts'
import { race } from './measure.ts'
import type { Row } from './rows.ts'
import type { OverMinio } from './s3.ts'
import type { Setting } from './setting.ts'

/** One line of the table of docs/performance.md. */
export interface Line {
  readonly work: string
  readonly flows: number
  /** As it is to be read, with its unit: `5.1 M`. */
  readonly ours: string
  readonly oursCpu?: number | undefined
  readonly peakBytes?: number | undefined
  readonly peer: string
  readonly theirs?: string
  readonly theirCpu?: number
  /** Our flows per second over theirs. */
  readonly ratio?: number
  readonly goal: string
  readonly agree: boolean
  /** Every run that was measured, by contender. */
  readonly runs?: { readonly [name: string]: readonly Measurement[] }
}

const rate = (perSecond: number): string => `${(perSecond / 1e6).toFixed(perSecond < 1e6 ? 2 : 1)} M`

/** Races the contenders of a query. */
export function queryLine({ work, flows, goal, ours, peers }: Row, setting: Setting): Line {
  const [mine, ...others] = race(ours, peers, setting.rounds, setting.data) as [Measured, ...Measured[]]
  const best = others.reduce((fastest, other) => (other.wall < fastest.wall ? other : fastest))
  const expected = JSON.stringify(mine.answer)
  return {
    ...{ work, flows, goal: String(goal), peer: best.name },
    ...{ ours: rate(flows / mine.wall), oursCpu: mine.cpu, peakBytes: mine.peakBytes },
    ...{ theirs: rate(flows / best.wall), theirCpu: best.cpu, ratio: best.wall / mine.wall },
    agree: others.every(({ answer }) => answer === undefined || JSON.stringify(answer) === expected),
    runs: Object.fromEntries([mine, ...others].map(({ name, runs }) => [name, runs])),
  }
}

/** Captures that flows come from: a long one for what takes it as fast as it can, a short one for what is sent at a steady rate, many times. */
export interface FeedBenches {
  readonly stored: FeedBench
  readonly sent: FeedBench
}

/** Import, live ingest and compaction, the first two against nfcapd at the highest rate without loss. */
export async function feedLines(
  { stored, sent }: FeedBenches,
  rates: readonly number[],
  withNfcapd: boolean,
): Promise<Line[]> {
  const imported = stored.import()
  const compacted = stored.compact()
  const live = await highestLossless(rates, (packets) => sent.ingest(packets))
  const nfcapd = withNfcapd ? await highestLossless(rates, (packets) => sent.nfcapd(packets)) : undefined
  const against = (perSecond: number): Pick<Line, 'peer' | 'theirs' | 'ratio'> =>
    nfcapd
      ? { peer: `nfcapd${lossOf(nfcapd)}`, theirs: rate(nfcapd.sentPerSecond), ratio: perSecond / nfcapd.sentPerSecond }
      : { peer: 'nfcapd is missing' }
  const { flows, wall, cpu, peakBytes } = imported
  const perCore = compacted.flows / compacted.cpu
  return [
    {
      ...{ work: 'import of a v5 capture', flows, goal: '1.5', agree: true },
      ...{ ours: rate(flows / wall), oursCpu: cpu, peakBytes, ...against(flows / wall) },
    },
    {
      ...{ work: `live ingest over loopback${lossOf(live)}`, flows: sent.flows, goal: '1', agree: true },
      ...{ ours: rate(live.sentPerSecond), ...against(live.sentPerSecond) },
    },
    {
      ...{ work: 'compaction, for each core', flows, goal: '1 M', agree: true, peer: 'none' },
      ...{ ours: rate(perCore), oursCpu: compacted.cpu, peakBytes: compacted.peakBytes },
    },
  ]
}

const lossOf = ({ lostShare }: Live): string => (lostShare > 0 ? `, ${(lostShare * 100).toFixed(2)} % lost` : '')

/** The same job over MinIO and over files. */
export const s3Lines = (measured: readonly OverMinio[]): Line[] =>
  measured.map(({ form, flows, file, minio, bound }) => {
    const goal = bound < 0.7 ? `0.7, at most ${bound.toFixed(2)} by the server` : '0.7'
    return {
      ...{ work: `port breakdown over MinIO, ${form}`, flows, goal, agree: true, peer: 'the same over files' },
      ...{ ours: rate(flows / minio.wall), oursCpu: minio.cpu, peakBytes: minio.peakBytes },
      ...{ theirs: rate(flows / file.wall), theirCpu: file.cpu, ratio: file.wall / minio.wall },
    }
  })

/** The lines as a table of Markdown. */
export function tableOf(lines: readonly Line[]): string {
  const megabytes = (bytes: number | undefined): string => (bytes === undefined ? '' : `${Math.round(bytes / 1e6)} MB`)
  const titles = [
    'work',
    'flows',
    'flowreduce, flows/s',
    'fastest peer',
    'its flows/s',
    'ratio',
    'goal',
    'our CPU s',
    'its CPU s',
    'our peak memory',
  ]
  const rows = lines.map(({ work, flows, ours, peer, theirs = '', ratio, goal, oursCpu, theirCpu, peakBytes }) => [
    ...[work, `${flows / 1e6} M`, ours, peer, theirs, ratio?.toFixed(2) ?? '', goal],
    ...[oursCpu?.toFixed(2) ?? '', theirCpu?.toFixed(2) ?? '', megabytes(peakBytes)],
  ])
  return [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
