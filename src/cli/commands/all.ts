import type { Command } from '../command.ts'
import { compactCommand } from './compact.ts'
import { demoCommand } from './demo.ts'
import { fsCommand } from './fs.ts'
import { fsckCommand } from './fsck.ts'
import { gcCommand } from './gc.ts'
import { importCommand } from './import.ts'
import { ingestCommand } from './ingest.ts'
import { jobsCommand } from './jobs.ts'
import { replayCommand } from './replay.ts'
import { resumeCommand } from './resume.ts'
import { explainCommand, runCommand } from './run.ts'
import { runsCommand } from './runs.ts'
import { simulateCommand } from './simulate.ts'
import { taskCommand } from './task.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  demoCommand,
  simulateCommand,
  ingestCommand,
  importCommand,
  runCommand,
  explainCommand,
  resumeCommand,
  runsCommand,
  replayCommand,
  jobsCommand,
  fsCommand,
  fsckCommand,
  gcCommand,
  compactCommand,
  taskCommand,
]
