import type { Batch } from '../../flow/batch.ts'
import type { TimeSpan } from '../block/statistics.ts'
import { BlockStatistics } from '../block/statistics.ts'
import type { EncodedGroup } from '../parquet/row-group-encoder.ts'

/** A row group and what the manifest says about it. */
export interface LaneGroup {
  readonly group: EncodedGroup
  readonly span: TimeSpan
  readonly exporters: readonly string[]
  readonly samplingUnknown: number
}

/** Describes a row group by the bounds of its columns, and by its rows, which are those of `batch`, where these do not tell. */
export function describeGroup(group: EncodedGroup, batch: Batch): LaneGroup {
  const statistics = new BlockStatistics()
  const { bounds, distinct, rows } = group
  const [start, end] = [bounds.get('start'), bounds.get('end')]
  if (start && end) {
    statistics.addSpan({ minStart: start[0], maxStart: start[1], minEnd: end[0], maxEnd: end[1] })
  } else statistics.addTimes(batch, 0, rows)
  const sampling = [bounds.get('sampleSize'), bounds.get('samplePopulation')]
  if (sampling.every((bound) => bound?.[0] === 0 && bound[1] === 0)) statistics.samplingUnknown = rows
  else if (sampling.every((bound) => !bound || bound[0] <= 0)) statistics.addSampling(batch, 0, rows)
  const exporters = distinct.get('exporter')
  if (exporters && bounds.get('exporterFamily')?.every((family) => family === 4)) {
    for (const exporter of exporters) statistics.addExporter4(exporter)
  } else statistics.addExporters(batch, 0, rows)
  return {
    group,
    span: statistics.takeSpan(),
    exporters: statistics.exporters(),
    samplingUnknown: statistics.samplingUnknown,
  }
}
