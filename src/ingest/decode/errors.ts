import { ComponentError } from '../../flow/component-error.ts'

/** A wrong configuration of a decoder, or a state it cannot be given back, found when it is made. Datagrams never cause one. */
export class DecodeError extends ComponentError<'element' | 'sampling' | 'state'> {}
