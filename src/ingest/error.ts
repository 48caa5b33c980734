import { ComponentError } from '../flow/component-error.ts'

export type IngestErrorCode =
  | 'bad-option'
  | 'bad-target'
  | 'bad-listen'
  | 'unreadable'
  | 'empty'
  | 'truncated'
  | 'unrecognised'
  | 'changed'
  | 'already-imported'
  | 'compacted'
  | 'spool'
  | 'uncommitted'

/** What went wrong while datagrams were made, read or received. `already-imported` is branched on (`--again`); the rest ends a command. */
export class IngestError extends ComponentError<IngestErrorCode> {}
