/** Facts that go with an error: file, key, exporter, line, offset, version ... as fields, not only as text. */
export type ErrorDetails = { readonly [name: string]: string | number | boolean | undefined }

/**
 * The base of the one error type each component has. The message reads `<component>: <what> expected <A>, got <B>`, lower case, no full stop.
 * `code` is stable and is what callers branch on.
 */
export abstract class ComponentError<Code extends string = string> extends Error {
  readonly code: Code
  readonly details: ErrorDetails

  constructor(code: Code, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.code = code
    this.details = details
  }
}
