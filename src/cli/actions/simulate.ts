import { formatBytes } from '../../flow/size.ts'
import { formatInstant, parseInstant } from '../../flow/time.ts'
import { SIMULATED_PROTOCOLS, type SimulatedProtocol } from '../../ingest/simulate/exporters.ts'
import { simulate } from '../../ingest/simulate/simulate.ts'
import type { SimulationTotals } from '../../ingest/simulate/totals.ts'
import { thousands } from '../../report/number.ts'
import { flowsText } from '../../report/progress.ts'
import { tableLines } from '../../report/table.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { simulateOptions } from '../commands/simulate.ts'
import { EXIT, UsageError } from '../errors.ts'
import { standardOutput } from '../output.ts'
import { standardProgress } from '../progress.ts'
import { readOption } from '../read-option.ts'
import { listenForStop } from '../signals.ts'

export async function simulateAction(args: OptionsOf<typeof simulateOptions>): Promise<number> {
  const { target, flows, rate, exporters, seed, start } = args
  const progress = standardProgress(args.quiet)
  const stop = listenForStop()
  const totals = await simulate({
    target,
    flows,
    exporters,
    seed,
    sampling: args.sampling === 'none' ? 'none' : 'some',
    ...(rate === undefined ? {} : { rate }),
    protocols: readOption('protocol', args.protocol, readProtocols),
    ...(start === undefined ? {} : { startMs: readOption('start', start, parseInstant) }),
    ports: args.ports === true,
    system: realSystem(),
    signal: stop.signal,
    onProgress: (sent) => progress.update((elapsedMs) => flowsText('sent', sent, flows, elapsedMs)),
  }).finally(() => {
    progress.clear()
    stop.done()
  })
  await standardOutput().write(args.format === 'json' ? `${JSON.stringify(totals, null, 2)}\n` : describe(totals))
  return stop.signal.aborted ? EXIT.interrupted : EXIT.done
}

function readProtocols(text: string): SimulatedProtocol[] {
  return text.split(',').map((name) => {
    const known = SIMULATED_PROTOCOLS.find((protocol) => protocol === name.trim())
    if (known === undefined) throw new UsageError(`expected some of ${SIMULATED_PROTOCOLS.join(', ')}, got "${name}"`)
    return known
  })
}

const COUNTERS = [
  { name: 'flows', type: 'u53' },
  { name: 'packets', type: 'u53' },
  { name: 'bytes', type: 'u53' },
] as const

function describe(totals: SimulationTotals): string {
  const { flows, packets, bytes, datagrams, refused, firstStart, lastEnd, exporters, ports } = totals
  const lines = exporterLines(exporters)
  if (ports) {
    const rows = ports.map((row) => [row.port, row.flows, row.packets, row.bytes])
    lines.push('', ...tableLines({ columns: [{ name: 'dstPort', type: 'u16' }, ...COUNTERS], rows }))
  }
  lines.push(
    '',
    `sent ${thousands(flows)} flows, ${thousands(packets)} packets, ${formatBytes(bytes)} in ${thousands(datagrams)} datagrams`,
  )
  if (firstStart !== null && lastEnd !== null) {
    lines.push(`traffic from ${formatInstant(firstStart)} to ${formatInstant(lastEnd)}`)
  }
  if (refused > 0) lines.push(`${thousands(refused)} datagrams were refused by the network: is the daemon listening?`)
  return `${lines.join('\n')}\n`
}

function exporterLines(exporters: SimulationTotals['exporters']): string[] {
  const rows = exporters.map((row) => [
    row.exporter,
    row.sourcePort,
    row.protocol,
    row.domain,
    row.datagrams,
    row.flows,
    row.packets,
    row.bytes,
  ])
  return tableLines({
    columns: [
      { name: 'exporter', type: 'text' },
      { name: 'sourcePort', type: 'u16' },
      { name: 'protocol', type: 'text' },
      { name: 'domain', type: 'u32' },
      { name: 'datagrams', type: 'u53' },
      ...COUNTERS,
    ],
    rows,
  })
}
