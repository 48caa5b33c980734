/** The public vocabulary of flowreduce: what job and configuration files import. Nothing it reaches does I/O, starts a worker or loads native code. */
export type { FieldName } from './flow/fields.ts'
export { FLOW_FLAGS } from './flow/fields.ts'
export type { Address } from './vocabulary/address.ts'
export { address, compareAddress, formatAddress, isIPv6, NO_ADDRESS } from './vocabulary/address.ts'
export type { Aggregate, AggregateDefinition, AggregateFunction } from './vocabulary/aggregate.ts'
export { count, defineAggregate, distinct, max, min, quantile, sum, top } from './vocabulary/aggregate.ts'
export type { ColumnTypeOf, ValueOf } from './vocabulary/column-type.ts'
export { boolean, i53, i64, text, u8, u16, u32, u53, u64 } from './vocabulary/column-type.ts'
export type {
  Config,
  CustomStore,
  ElementDefinition,
  FlowInput,
  IngestConfig,
  InputFormat,
  LookupRow,
  LookupSource,
  OutputWriter,
  StoreScheme,
} from './vocabulary/config.ts'
export { defineConfig } from './vocabulary/config.ts'
export { JobError } from './vocabulary/error.ts'
export { estimate } from './vocabulary/estimate.ts'
export type { JobDefinition } from './vocabulary/job.ts'
export { defineJob } from './vocabulary/job.ts'
export type { FlowTypes, InputReference, JobContext, JobRow } from './vocabulary/job-types.ts'
export type { KeyExpression } from './vocabulary/key.ts'
export { lookup, prefix, timeBin } from './vocabulary/key.ts'
export type { Share, ShareCursor } from './vocabulary/prorate.ts'
export { prorate, sharesOf } from './vocabulary/prorate.ts'
export { duration, durationMs, floorTime, formatInstant, instant } from './vocabulary/time.ts'
