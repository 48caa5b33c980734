import { parseSize } from '../../flow/size.ts'
import { importFiles } from '../../ingest/import.ts'
import { importDataset } from '../../ingest/import-dataset.ts'
import type { ImportSummary } from '../../ingest/import-summary.ts'
import { countOf, thousands } from '../../report/number.ts'
import { flowsText } from '../../report/progress.ts'
import { tableLines } from '../../report/table.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { importOptions } from '../commands/import.ts'
import { UsageError } from '../errors.ts'
import { openManifestOf } from '../open.ts'
import { note } from '../output.ts'
import { printReport } from '../print.ts'
import { standardProgress } from '../progress.ts'
import { readOption } from '../read-option.ts'
import { configOf, decoderOptionsOf } from '../settings.ts'
import { withUpkeep } from '../upkeep.ts'

export async function importAction(
  args: OptionsOf<typeof importOptions> & { files?: string[] | undefined },
): Promise<undefined> {
  const fromDataset = args['from-dataset']
  const files = args.files ?? []
  if (files.length > 0 === (fromDataset !== undefined)) {
    const got = fromDataset === undefined ? 'none' : 'both'
    throw new UsageError(`files: expected files or --from-dataset, got ${got}`)
  }
  const blockSizeBytes = readOption('block-size', args['block-size'], parseSize)
  const decoder = decoderOptionsOf(await configOf(args))
  const { store, manifest } = await openManifestOf(args, { create: 'late' })
  const progress = standardProgress(args.quiet)
  const target = {
    store,
    manifest,
    system: realSystem(),
    blockSizeBytes,
    again: args.again === true,
    decoder,
    onProgress: (flows: number) => progress.update((elapsedMs) => flowsText('imported', flows, undefined, elapsedMs)),
  }
  const imported = withUpkeep(store, () =>
    fromDataset === undefined
      ? importFiles({ ...target, files, exporter: args.exporter })
      : importDataset({ ...target, fromDataset }),
  )
  const summary = await imported.finally(() => progress.clear())
  const { warnings, ...printed } = summary
  if (!args.quiet) for (const warning of warnings) note(warning, 'warning')
  await printReport(args, printed, () => describe(summary))
}

/** Versions as people call them. */
const PROTOCOLS: { readonly [version: number]: string } = { 5: 'v5', 9: 'v9', 10: 'ipfix', 83: 'sflow' }

function describe({ files, ledger, blocks, commit }: ImportSummary): string[] {
  const flows = files.reduce((sum, file) => sum + file.flows, 0)
  const lines = fileLines(files)
  const lossy = ledger.filter(({ lost, restarts }) => lost !== 0 || restarts > 0)
  if (lossy.length > 0) lines.push('', ...sessionLines(lossy))
  const losses = lossy.length > 0 ? '' : `; ${countOf(ledger.length, 'session')}, none with a gap`
  lines.push('', `imported ${countOf(flows, 'flow')} into ${countOf(blocks, 'block')}, commit ${commit}${losses}`)
  return lines
}

function fileLines(files: ImportSummary['files']): string[] {
  return tableLines({
    columns: [
      { name: 'file', type: 'text' },
      { name: 'kind', type: 'text' },
      { name: 'datagrams', type: 'u53' },
      { name: 'records', type: 'u53' },
      { name: 'flows', type: 'u53' },
      { name: 'options', type: 'u53' },
      { name: 'templates', type: 'u53' },
      { name: 'malformed', type: 'u53' },
      { name: 'no template', type: 'u53' },
    ],
    rows: files.map((file) => [
      file.file,
      file.kind,
      file.datagrams,
      file.records,
      file.flows,
      file.optionsRecords,
      file.templates,
      file.malformedDatagrams,
      file.setsWithoutTemplate,
    ]),
  })
}

function sessionLines(ledger: ImportSummary['ledger']): string[] {
  return tableLines({
    columns: [
      { name: 'exporter', type: 'text' },
      { name: 'sourcePort', type: 'u16' },
      { name: 'protocol', type: 'text' },
      { name: 'domain', type: 'u32' },
      { name: 'received', type: 'text' },
      { name: 'lost', type: 'i53' },
      { name: 'restarts', type: 'u53' },
    ],
    rows: ledger.map(({ exporter, sourcePort, version, domain, unit, received, lost, restarts }) => [
      exporter,
      sourcePort,
      PROTOCOLS[version] ?? String(version),
      domain,
      `${thousands(received)} ${unit}`,
      lost,
      restarts,
    ]),
  })
}
