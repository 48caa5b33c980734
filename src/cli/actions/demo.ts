import { relative } from 'node:path'
import { valueAt } from '../../flow/value.ts'
import { count, defineJob } from '../../index.ts'
import type { SimulationTotals } from '../../ingest/simulate/totals.ts'
import { coverageLines } from '../../report/coverage.ts'
import { humanDuration, shortCount, thousands } from '../../report/number.ts'
import { builtinBundle } from '../../runtime/bundle/builtin.ts'
import { jobFromBundle, jobFromDefinition } from '../../runtime/job-source.ts'
import type { RunOutcome } from '../../runtime/run/outcome.ts'
import { runJob } from '../../runtime/run/run-job.ts'
import type { LedgerEntry } from '../../storage/manifest/actions.ts'
import { type Manifest, openManifest } from '../../storage/manifest/manifest.ts'
import { openStore } from '../../storage/open.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import { CommandProcess } from '../command-process.ts'
import type { demoOptions } from '../commands/demo.ts'
import { account, type StoredFlows } from '../demo/account.ts'
import { startDaemon } from '../demo/daemon.ts'
import { freshDemoFolder } from '../demo/folder.ts'
import { EXIT, UsageError } from '../errors.ts'
import { note, standardOutput } from '../output.ts'
import { rowWriter } from '../print.ts'
import { RunPainter } from '../run-painter.ts'

const JOBS = ['port-breakdown', 'subnet-bytes', 'bytes-per-second'] as const
const ROWS = 8

export async function demoAction(args: OptionsOf<typeof demoOptions>): Promise<number> {
  const started = performance.now()
  if (args.store !== undefined) await refuseUsed(args.store, args.endpoint)
  const folder = await freshDemoFolder()
  const url = args.store ?? `file:./${relative(process.cwd(), folder)}/store`
  const sent = await collect(args, { folder, url })
  const store = await openStore(url, { endpoint: args.endpoint })
  const opened: Opened = { store, manifest: await openManifest(store, { system: realSystem() }), url }
  for (const job of JOBS) await runAndShow(job, opened)
  const { problems, ...sums } = account(sent.exporters, await storedFlows(opened), await ledgerOf(opened.manifest))
  const { totals, agrees } = await checkTotals(opened, sent, sums.stored)
  await print('')
  await print(
    `sent ${thousands(sums.sent)} flows, received ${thousands(sums.stored)}, lost ${thousands(sums.sent - sums.stored)}`,
  )
  for (const problem of [...problems, ...(agrees ? [] : [totals])]) note(`demo: ${problem}`, 'error')
  if (problems.length > 0 || !agrees) return EXIT.failed
  await print(
    `every flow sent is in the totals${sums.lost > 0 ? ' or in the ledger as lost' : ''}; the demo took ${humanDuration(performance.now() - started)}`,
  )
  await print(nextSteps(url))
  return EXIT.done
}

/** The demo counts what is in its store, so nothing else may be there. */
async function refuseUsed(url: string, endpoint: string | undefined): Promise<void> {
  const store = await openStore(url, { endpoint })
  for await (const { key } of store.list('')) {
    throw new UsageError(`demo: --store expected to be empty, got ${key} in ${store.url}`)
  }
}

interface Opened {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly url: string
}

const print = (text: string): Promise<void> => standardOutput().write(`${text}\n`)

/** Receives what a simulator sends, both as processes of their own; returns what was sent. */
async function collect(
  { flows, rate, seed, endpoint }: OptionsOf<typeof demoOptions>,
  { folder, url }: { folder: string; url: string },
): Promise<SimulationTotals> {
  const spool = `${folder}/spool`
  const at = endpoint === undefined ? [] : ['--endpoint', endpoint]
  const listen = ['--listen', 'udp://127.0.0.1:0', '--store', url, ...at]
  await print(`$ flowreduce ingest ${listen.join(' ')} &`)
  const { daemon, target } = await startDaemon([...listen, '--spool', spool, '--roll', '5s'], (line) => note(line))
  try {
    const options = ['--target', target, '--flows', String(flows), '--rate', String(rate), '--seed', String(seed)]
    await print(`$ flowreduce simulate ${options.join(' ')}`)
    const simulator = new CommandProcess(['simulate', ...options, '--format', 'json'], { onLine: (line) => note(line) })
    const sent: SimulationTotals = JSON.parse(await simulator.output())
    daemon.stop()
    await print(
      `sent ${thousands(sent.flows)} flows of ${sent.exporters.length} exporters; ${(await daemon.output()).trim()}`,
    )
    return sent
  } finally {
    daemon.stop()
  }
}

/** Runs a built-in job on the worker pool and prints its first rows, what they rest on, and how fast it was. */
async function runAndShow(name: string, { store, manifest, url }: Opened): Promise<void> {
  await print(`\n$ flowreduce run ${name} --store ${url} --top ${ROWS}`)
  const painter = new RunPainter(false)
  const outcome = await runJob({
    ...{ store, manifest, system: realSystem() },
    job: await jobFromBundle(await builtinBundle(), name),
    onEvent: (event) => painter.show(event),
  }).finally(() => painter.done())
  await printRows(outcome)
  await print(coverageLines(outcome.coverage)[0] ?? '')
  const { flows } = outcome.coverage
  await print(`${humanDuration(outcome.elapsedMs)}, ${shortCount((flows * 1000) / outcome.elapsedMs)} flows/s`)
}

async function printRows({ columns, counters, rows }: RunOutcome): Promise<void> {
  const total = counters.resultRows
  const writer = rowWriter({ format: 'table', int64: 'number' }, { columns, tableRows: ROWS, total, bars: 'bytes' })
  for await (const batch of rows()) {
    await writer.add(batch)
    break
  }
  await writer.finish()
}

/** Flows per exporter, by a job that is defined here and runs in this thread. */
async function storedFlows(opened: Opened): Promise<StoredFlows[]> {
  const job = defineJob({
    name: 'flows-per-exporter',
    description: 'Flows of each exporter and domain',
    groupBy: { exporter: 'exporter', domain: 'domain' },
    aggregate: { flows: count() },
  })
  const outcome = await runJob({ ...opened, system: realSystem(), runner: 'inline', job: jobFromDefinition(job) })
  const stored: StoredFlows[] = []
  for await (const { columns, length } of outcome.rows()) {
    const at = (name: string, row: number): string => String(valueAt(columns[name]!, row))
    for (let row = 0; row < length; row++) {
      stored.push({ exporter: at('exporter', row), domain: Number(at('domain', row)), flows: Number(at('flows', row)) })
    }
  }
  return stored
}

async function ledgerOf(manifest: Manifest): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = []
  for await (const entry of (await manifest.snapshot()).ledger('flows')) entries.push(entry)
  return entries
}

/** Compares the job `totals` with what the simulator sent: all three sums, unless something was lost on the way. */
async function checkTotals(
  opened: Opened,
  sent: SimulationTotals,
  stored: number,
): Promise<{ totals: string; agrees: boolean }> {
  const job = await jobFromBundle(await builtinBundle(), 'totals')
  const outcome = await runJob({ ...opened, system: realSystem(), job })
  const found: { [name: string]: number } = {}
  for await (const { columns } of outcome.rows()) {
    for (const name of ['flows', 'packets', 'bytes']) found[name] = Number(valueAt(columns[name]!, 0))
  }
  const whole = stored === sent.flows
  const agrees = found.flows === stored && (!whole || (found.packets === sent.packets && found.bytes === sent.bytes))
  return {
    totals: `totals are ${JSON.stringify(found)}, sent were ${sent.flows} flows, ${sent.packets} packets, ${sent.bytes} bytes`,
    agrees,
  }
}

function nextSteps(url: string): string {
  return `
What to try next:
  flowreduce fs stat flows --store ${url}
  flowreduce fs cat flows --store ${url} --where 'dst port 53' --top 5
  flowreduce run subnet-bytes --set prefix4=16 --store ${url}
  flowreduce compact --all --store ${url}
  flowreduce jobs`
}
