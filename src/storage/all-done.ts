/** Waits for all of several works, and then throws the first failure, if there is one: none goes on behind the back of who asked for it. */
export async function allDone(works: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason
}
