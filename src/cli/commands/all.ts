import type { Command } from '../command.ts'
import { simulateCommand } from './simulate.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [simulateCommand]
