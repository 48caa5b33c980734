import type { ColumnSpec } from '../../flow/column.ts'
import { schemaId } from '../../flow/schema.ts'
import { BlockStatistics, lastTime } from '../block/statistics.ts'
import { crc32 } from '../crc32.ts'
import type { BlockInfo, ChunkInfo } from '../manifest/actions.ts'
import { ParquetEncoder } from '../parquet/encode-block.ts'
import type { LaneGroup } from './lane-group.ts'

/** A finished Parquet block. */
export interface AssembledBlock {
  /** Its bytes, one piece behind the other. */
  readonly pieces: readonly Uint8Array[]
  readonly info: Omit<BlockInfo, 'key' | 'collector'>
}

/** Puts a Parquet block together from its row groups; `schema` is the Avro schema that the dataset has for these columns. */
export function assembleBlock(
  groups: readonly LaneGroup[],
  { columns, schema }: { readonly columns: readonly ColumnSpec[]; readonly schema: unknown },
): AssembledBlock {
  const file = new ParquetEncoder({ columns, schema: JSON.stringify(schema) })
  const statistics = new BlockStatistics()
  const chunks = groups.map(({ group, span, exporters, samplingUnknown }): ChunkInfo => {
    statistics.addSpan(span)
    statistics.samplingUnknown += samplingUnknown
    for (const exporter of exporters) statistics.addExporter(exporter)
    statistics.takeSpan()
    const { offset, length } = file.add(group)
    return [offset, length, group.rows, span.minStart, lastTime(span)]
  })
  const pieces = file.finish()
  const info = {
    format: 'parquet',
    sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
    records: groups.reduce((sum, { group }) => sum + group.rows, 0),
    crc32: pieces.reduce((sum, piece) => crc32(piece, sum), 0),
    schemaId: schemaId(schema),
    ...statistics.whole,
    exporters: statistics.exporters(),
    samplingUnknown: statistics.samplingUnknown,
    chunks,
  } as const
  return { pieces, info }
}
