import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Runs share the machine by claims in the folder for temporary files, so that those of one test would wait for those of another: for memory that a process holds which
 * is stopped on purpose, for instance. Tests that run at the same time are in different workers, and each of these has a folder of its own.
 */
const { FLOWREDUCE_TEST_ROOT: root = '' } = process.env
process.env.TMPDIR = join(root, String(process.pid))
mkdirSync(process.env.TMPDIR, { recursive: true })
