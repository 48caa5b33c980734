import type { PageRef, TreeKind } from './tree.ts'

/** The highest sequence each writer has committed. */
export interface Transaction {
  readonly writer: string
  readonly sequence: number
}

export const TRANSACTION_TREE: TreeKind<Transaction, Transaction, PageRef> = {
  pageEntries: 16_384,
  keyOf: ({ writer }) => writer,
  groupOf: () => '',
  merge: (old, { writer, sequence }) => ({ writer, sequence: Math.max(old?.sequence ?? -1, sequence) }),
  describe: (page) => page,
}
