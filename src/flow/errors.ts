import { ComponentError } from './component-error.ts'

export type FlowErrorCode =
  | 'bad-address'
  | 'bad-prefix'
  | 'bad-time'
  | 'bad-duration'
  | 'bad-size'
  | 'bad-value'
  | 'bad-schema'
  | 'bad-filter'

/** A text, value or schema that does not mean what the place it stands in needs. */
export class FlowError extends ComponentError<FlowErrorCode> {}
