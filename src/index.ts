/** The public vocabulary of flowreduce: what job and configuration files import. Nothing it reaches does I/O, starts a worker or loads native code. */
export type { FieldName } from './flow/fields.ts'
