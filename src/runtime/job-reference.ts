/** Names a compiled job so that any thread, process or machine compiles the same one: a bundle, the job in it, and what it is compiled with. Plain data. */
export interface JobReference {
  /** Path of the bundle, a self-contained module. */
  readonly bundle: string
  /** SHA-256 of its code; identifies it wherever the file lies. */
  readonly hash: string
  readonly job: string
  readonly params: { readonly [name: string]: unknown }
  /** `--where`, beside the job's own filter. */
  readonly where?: string
}
