import { readdirSync, readlinkSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/** How much less, or more, a thread is to get than others of the process. */
const STEP = 5

/** Has this thread give way to others: what is late here waits in the log. */
export function yieldToOthers(): void {
  change(0, STEP)
}

/**
 * Has this thread come before all others, for what it does not take in time is lost. Only a privileged process may raise a priority; otherwise the other threads
 * of this process are lowered, those included that compile and collect garbage.
 */
export function comeFirst(): void {
  if (change(0, -2 * STEP)) return
  for (const thread of otherThreads()) change(thread, STEP)
}

/** On Linux a priority belongs to a thread, elsewhere to the process, and is left alone. False when it cannot be changed; all works as well then, if less smoothly. */
function change(thread: number, by: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    setPriority(thread, Math.max(-20, Math.min(19, getPriority(thread) + by)))
    return true
  } catch {
    return false
  }
}

/** The other threads of this process. Best effort: none where the system does not tell. */
function otherThreads(): number[] {
  try {
    const own = readlinkSync('/proc/thread-self').split('/').at(-1)
    return readdirSync('/proc/self/task')
      .filter((thread) => thread !== own)
      .map(Number)
  } catch {
    return []
  }
}
