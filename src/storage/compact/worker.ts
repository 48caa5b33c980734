import { parentPort, workerData } from 'node:worker_threads'
import type { LaneAnswer, LaneRequest, LaneSetting } from './crew.ts'
import { Lane } from './lane.ts'
import { SharedRows } from './shared-rows.ts'

/** A thread that reads and encodes rows for a compaction, one task after the other. */
const { plan, index } = workerData as LaneSetting // `Crew` gives it
const lane = new Lane(new SharedRows(plan), index)
let last = Promise.resolve()

parentPort?.on('message', (request: LaneRequest) => {
  last = last.then(() => answer(request))
})

async function answer({ id, task }: LaneRequest): Promise<void> {
  try {
    if (task.type === 'read') {
      await lane.read(task)
      send({ id })
    } else {
      const result = lane.encode(task)
      parentPort?.postMessage({ id, result } satisfies LaneAnswer, [result.group.bytes.buffer])
    }
  } catch (error) {
    send({ id, error: error instanceof Error ? error.message : String(error) })
  }
}

const send = (message: LaneAnswer): void => parentPort?.postMessage(message)
