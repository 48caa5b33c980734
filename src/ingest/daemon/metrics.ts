import type { ExporterFigure } from './exporter-figures.ts'
import { LATENCY_BOUNDS } from './latency.ts'
import type { IngestStatus } from './status.ts'

/** One metric of the Prometheus text format: its samples, each with labels. */
interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: readonly Sample[]
}

interface Sample {
  /** Behind the name of the metric; none by default. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
  readonly labels?: { readonly [name: string]: string }
  readonly value: number
}

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The status of a daemon in the Prometheus text exposition format 0.0.4. */
export function metricsText(status: IngestStatus): string {
  const metrics = [
    ...receiverMetrics(status),
    ...decoderMetrics(status),
    ...exporterMetrics(status),
    ...storeMetrics(status),
    latencyMetric(status),
  ]
  return metrics.map(metricText).join('')
}

const counter = (name: string, help: string, value: number): Metric => ({
  name,
  type: 'counter',
  help,
  samples: [{ value }],
})
const gauge = (name: string, help: string, value: number): Metric => ({
  name,
  type: 'gauge',
  help,
  samples: [{ value }],
})

function receiverMetrics({ receiver, sockets, waitingChunks }: IngestStatus): Metric[] {
  const bySocket = (pick: (socket: IngestStatus['sockets'][number]) => number): Sample[] =>
    sockets.map((socket) => ({ labels: { socket: socket.address }, value: pick(socket) }))
  return [
    counter('datagrams_received_total', 'Datagrams received', receiver.received),
    counter('received_bytes_total', 'Payload bytes received', receiver.receivedBytes),
    counter('datagrams_denied_total', 'Datagrams of exporters that are not allowed', receiver.denied),
    counter(
      'datagrams_queue_dropped_total',
      'Datagrams dropped because decoding or the spool was too far behind',
      receiver.dropped,
    ),
    {
      name: 'datagrams_kernel_dropped_total',
      type: 'counter',
      help: 'Datagrams the kernel dropped because the receive buffer was full',
      samples: bySocket(({ kernelDrops }) => kernelDrops),
    },
    {
      name: 'receive_buffer_bytes',
      type: 'gauge',
      help: 'Receive buffer the kernel granted',
      samples: bySocket(({ receiveBufferBytes }) => receiveBufferBytes),
    },
    gauge('waiting_chunks', 'Chunks of datagrams that wait to be decoded', waitingChunks),
  ]
}

function decoderMetrics({ decoded, lost, sessions, silent }: IngestStatus): Metric[] {
  return [
    counter('datagrams_decoded_total', 'Datagrams decoded or refused', decoded.datagrams),
    counter('flows_total', 'Flows decoded', decoded.flows),
    counter('records_total', 'Data records decoded', decoded.records),
    counter('templates_total', 'Templates received', decoded.templates),
    counter('options_records_total', 'Options records received', decoded.optionsRecords),
    counter('sets_without_template_total', 'Data sets that came before their template', decoded.setsWithoutTemplate),
    counter('sets_given_up_total', 'Data sets whose template did not come in time', decoded.setsGivenUp),
    counter('datagrams_duplicate_total', 'Exact duplicates of datagrams', decoded.duplicates),
    counter('flows_quarantined_total', 'Flows with a counter above 2^53 - 1', decoded.quarantined),
    {
      name: 'datagrams_malformed_total',
      type: 'counter',
      help: 'Datagrams refused as a whole',
      samples: Object.entries(decoded.malformed).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    {
      name: 'lost',
      type: 'gauge',
      help: 'Units missing by sequence numbers; late datagrams make it smaller',
      samples: Object.entries(lost).map(([unit, value]) => ({ labels: { unit }, value })),
    },
    gauge('sessions', 'Export sessions known', sessions),
    {
      name: 'exporter_silent',
      type: 'gauge',
      help: '1 for each expected exporter that is not heard',
      samples: silent.map((exporter) => ({ labels: { exporter }, value: 1 })),
    },
  ]
}

function exporterMetrics({ exporters }: IngestStatus): Metric[] {
  const byExporter = (name: ExporterCount, type: Metric['type'], suffix: string, help: string): Metric => ({
    name: `exporter_${name}${suffix}`,
    type,
    help,
    samples: exporters.map((figure) => ({
      labels: { exporter: figure.exporter, unit: figure.unit },
      value: figure[name],
    })),
  })
  return [
    byExporter('received', 'counter', '_total', 'Units received from an exporter, exact duplicates apart'),
    byExporter('lost', 'gauge', '', 'Units of an exporter missing by sequence numbers; late datagrams make it smaller'),
    byExporter('duplicates', 'counter', '_total', 'Exact duplicates of datagrams of an exporter'),
    byExporter('undecodable', 'counter', '_total', 'Parked data sets of an exporter given up without their template'),
    byExporter('malformed', 'counter', '_total', 'Datagrams of an exporter refused as a whole'),
  ]
}

type ExporterCount = Exclude<keyof ExporterFigure, 'exporter' | 'unit'>

/** Classes are added up, as the format has them. */
function latencyMetric({ latency: { counts, sumSeconds } }: IngestStatus): Metric {
  let datagrams = 0
  const buckets = counts.map((count, index): Sample => {
    datagrams += count
    return { suffix: '_bucket', labels: { le: String(LATENCY_BOUNDS[index] ?? '+Inf') }, value: datagrams }
  })
  return {
    name: 'commit_latency_seconds',
    type: 'histogram',
    help: 'Time from the arrival of a datagram to the commit of its flows',
    samples: [...buckets, { suffix: '_sum', value: sumSeconds }, { suffix: '_count', value: datagrams }],
  }
}

function storeMetrics({ outbox, openBytes, logBytes, opened, recovered }: IngestStatus): Metric[] {
  return [
    gauge('store_opened', '1 when the store is open', opened ? 1 : 0),
    counter('commits_total', 'Commits made', outbox.commits),
    counter('blocks_total', 'Blocks stored', outbox.blocks),
    counter('store_failures_total', 'Tries that the store refused', outbox.failures),
    counter(
      'commit_races_lost_total',
      "Commits that came second to another writer's and were made anew",
      outbox.lostRaces,
    ),
    counter('flows_shed_total', 'Flows thrown away because too many waited for the store', outbox.shedFlows),
    counter('datagrams_recovered_total', 'Datagrams of an earlier process that were decoded again', recovered),
    gauge('rolls_waiting', 'Rolls that wait for the store', outbox.waiting),
    gauge('rolls_waiting_bytes', 'Bytes of blocks that wait for the store', outbox.waitingBytes),
    gauge('open_bytes', 'Bytes of the blocks under construction', openBytes),
    gauge('spool_log_bytes', 'Bytes of the log of the spool', logBytes),
  ]
}

function metricText({ name, type, help, samples }: Metric): string {
  const full = `flowreduce_ingest_${name}`
  const lines = samples.map(({ suffix = '', labels, value }) => `${full}${suffix}${labelText(labels)} ${value}\n`)
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`
}

function labelText(labels: Sample['labels']): string {
  if (!labels) return ''
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, escapeLabel)}"`)
  return `{${pairs.join(',')}}`
}

const escapeLabel = (character: string): string => (character === '\n' ? '\\n' : `\\${character}`)
