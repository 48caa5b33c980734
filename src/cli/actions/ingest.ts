import { createHash } from 'node:crypto'
import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { parseSize } from '../../flow/size.ts'
import { parseDuration } from '../../flow/time.ts'
import { startIngest } from '../../ingest/daemon/daemon.ts'
import type { IngestDaemon, IngestSettings } from '../../ingest/daemon/ingest-options.ts'
import type { IngestStatus } from '../../ingest/daemon/status.ts'
import { countOf, shortCount } from '../../report/number.ts'
import { loadConfig } from '../../runtime/config.ts'
import { isShareable } from '../../storage/open.ts'
import type { OptionsOf } from '../command.ts'
import type { ingestOptions } from '../commands/ingest.ts'
import type { CompactorOptions } from '../compaction/compactor.ts'
import { Compactor } from '../compaction/compactor.ts'
import type { CompactionPolicy } from '../compaction/schedule.ts'
import { parsePolicy } from '../compaction/schedule.ts'
import { EXIT, messageOf, UsageError } from '../errors.ts'
import { openStoreOf, storeUrl } from '../open.ts'
import { note } from '../output.ts'
import { printReport } from '../print.ts'
import { readOption } from '../read-option.ts'
import { configOf, decoderOptionsOf } from '../settings.ts'
import { listenForStop } from '../signals.ts'

type Arguments = OptionsOf<typeof ingestOptions>

export async function ingestAction(args: Arguments): Promise<number> {
  const intervalMs = readOption('interval', args.interval, parseDuration)
  const policy = await policyOf(args)
  const say = (message: string): void => {
    if (!args.quiet) note(message)
  }
  const end = new End()
  const daemon = await start(args, (error) => end.fail(error))
  const stop = listenForStop(() => end.come())
  const hangUp = (): void => void reload(args, daemon, say)
  process.on('SIGHUP', hangUp)
  const metrics = daemon.metricsUrl === undefined ? '' : `, metrics on ${daemon.metricsUrl}`
  say(`listening on ${daemon.addresses.join(', ')}${metrics}`)
  const status = new StatusLine(daemon)
  const timer = setInterval(() => say(status.next()), intervalMs)
  const compactor = policy && new Compactor(await compactorOptions(args, policy, daemon, say))
  try {
    await end.reached
    clearInterval(timer)
    await compactor?.stop()
    say('stopping: committing what was received')
    const last = await daemon.stop()
    await printReport(args, last, () => [summaryLine(last)])
    return EXIT.done
  } finally {
    clearInterval(timer)
    await compactor?.stop()
    process.off('SIGHUP', hangUp)
    stop.done()
  }
}

/** How to compact beside the daemon; undefined when that was not asked for. */
async function policyOf(args: Arguments): Promise<CompactionPolicy | undefined> {
  if (args.compact === undefined) return undefined
  const policy = readOption('compact', args.compact, parsePolicy)
  const url = await storeUrl(args)
  if (url.startsWith('memory:'))
    throw new UsageError(`--compact: expected a store that another process can open, got ${url}`)
  return policy
}

async function compactorOptions(
  args: Arguments,
  policy: CompactionPolicy,
  daemon: IngestDaemon,
  say: (message: string) => void,
): Promise<CompactorOptions> {
  const { endpoint, config } = args
  return {
    policy,
    store: [
      ...['--store', await storeUrl(args)],
      ...(endpoint === undefined ? [] : ['--endpoint', endpoint]),
      ...(config === undefined ? [] : ['--config', config]),
    ],
    blocks() {
      const { opened, outbox } = daemon.status()
      return opened ? outbox.blocks : undefined
    },
    say,
    warn: (message) => note(message, 'warning'),
  }
}

/** The end of the daemon: asked for, or forced by an error. */
class End {
  readonly reached: Promise<void>
  come: () => void = () => {}
  fail: (error: Error) => void = () => {}

  constructor() {
    this.reached = new Promise((resolve, reject) => {
      this.come = resolve
      this.fail = reject
    })
    // An error before anyone waits is not lost: whoever waits later gets it.
    this.reached.catch(() => {})
  }
}

async function start(args: Arguments, onFatal: (error: Error) => void): Promise<IngestDaemon> {
  const url = await storeUrl(args)
  const collector = args.name ?? (hostname().replace(/[^A-Za-z0-9._-]/g, '-') || 'collector')
  const spool = spoolFolder(args.spool, url, collector)
  return startIngest({
    ...(await settingsOf(args)),
    listen: args.listen,
    // A thread of its own opens the usual stores; one of the configuration is opened here.
    store: isShareable(url) ? url : await openStoreOf(args),
    ...(args.endpoint === undefined ? {} : { endpoint: args.endpoint }),
    collector,
    ...(spool === undefined ? {} : { spool }),
    spoolBudgetBytes: readOption('spool-budget', args['spool-budget'], parseSize),
    spoolMs: readOption('spool-delay', args['spool-delay'], parseDuration),
    receiveBufferBytes: readOption('receive-buffer', args['receive-buffer'], parseSize),
    ...(args.metrics === undefined ? {} : { metrics: args.metrics }),
    keepDatagrams: args['keep-datagrams'] === true,
    onWarning: (message) => note(message, 'warning'),
    onFatal,
  })
}

/** A folder per store and collector, so that what one left is never sent to another. */
function spoolFolder(option: string | undefined, url: string, collector: string): string | undefined {
  if (option === 'none') return undefined
  if (option !== undefined) return option
  const state = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state')
  const store = createHash('sha256').update(url).digest('hex').slice(0, 12)
  return join(state, 'flowreduce', 'spool', `${collector}-${store}`)
}

async function settingsOf(args: Arguments, fresh = false): Promise<IngestSettings> {
  const loaded = fresh ? await loadConfig(args.config) : await configOf(args)
  const { ingest = {} } = loaded.config
  return {
    rollMs: readOption('roll', args.roll, parseDuration),
    blockSizeBytes: readOption('block-size', args['block-size'], parseSize),
    allow: args.allow ?? ingest.allow ?? [],
    expect: args.expect ?? ingest.expect ?? [],
    decoder: decoderOptionsOf(loaded),
  }
}

/** Reads the configuration again; a wrong one is named and the old one stays. */
async function reload(args: Arguments, daemon: IngestDaemon, say: (message: string) => void): Promise<void> {
  try {
    daemon.reload(await settingsOf(args, true))
    say('configuration read again')
  } catch (error) {
    note(`configuration stays as it was: ${messageOf(error)}`, 'warning')
  }
}

/** Status lines: totals, and what came since the line before. */
class StatusLine {
  readonly #daemon: IngestDaemon
  #flows = 0
  #datagrams = 0
  #at = performance.now()

  constructor(daemon: IngestDaemon) {
    this.#daemon = daemon
  }

  next(): string {
    const status = this.#daemon.status()
    const now = performance.now()
    const { received } = status.receiver
    const { flows } = status.decoded
    const perSecond = (count: number): string => shortCount((count * 1000) / Math.max(1, now - this.#at))
    const rates = `${perSecond(received - this.#datagrams)} datagrams/s, ${perSecond(flows - this.#flows)} flows/s`
    this.#datagrams = received
    this.#flows = flows
    this.#at = now
    return `${rates}; ${summaryLine(status)}`
  }
}

/** Totals since the start, and everything that is not as it should be. */
function summaryLine({ receiver, decoded, outbox, lost, kernelDrops, silent, opened }: IngestStatus): string {
  const parts = [
    countOf(receiver.received, 'datagram'),
    countOf(decoded.flows, 'flow'),
    `${countOf(outbox.blocks, 'block')} in ${countOf(outbox.commits, 'commit')}`,
  ]
  const troubles: readonly (readonly [number, string, string])[] = [
    [lost.flows, 'flow', 'lost (v5)'],
    [lost.datagrams, 'datagram', 'lost (v9, sFlow)'],
    [lost.records, 'record', 'lost (IPFIX)'],
    [kernelDrops, 'datagram', 'dropped by the kernel'],
    [receiver.dropped, 'datagram', 'dropped by the queue'],
    [receiver.denied, 'datagram', 'of exporters not allowed'],
    [decoded.malformedDatagrams, 'datagram', 'malformed'],
    [decoded.setsGivenUp, 'data set', 'given up without a template'],
    [outbox.waiting, 'roll', 'waiting for the store'],
    [outbox.shedFlows, 'flow', 'shed'],
  ]
  for (const [count, noun, what] of troubles) if (count > 0) parts.push(`${countOf(count, noun)} ${what}`)
  if (silent.length > 0) parts.push(`silent: ${silent.join(', ')}`)
  if (!opened) parts.push('the store has not answered yet')
  return parts.join(', ')
}
