import type { ColumnSpec } from '../column.ts'
import type { Filter } from './ast.ts'
import { DURATION } from './ast.ts'
import { compileFilter } from './compile.ts'
import type { MarkStep } from './mark-step.ts'
import { isShallow, markSelector, markSteps } from './marks.ts'
import { columnTypes, parseText } from './parse.ts'
import type { FilterPlan } from './plan.ts'
import { formatFilter } from './text.ts'

/** A filter plan with the filter as plain data. */
export interface ParsedFilter extends FilterPlan {
  readonly filter: Filter
}

/**
 * Parses a filter (docs/filter.md), checks it against the columns and makes it ready to run. Throws `bad-filter`, naming the position,
 * what was expected and the nearest name. A plan has scratch memory of its own: it serves one caller at a time.
 */
export function parseFilter(text: string, specs: readonly ColumnSpec[]): ParsedFilter {
  const filter = parseText(text, specs)
  const types = columnTypes(specs)
  const used = columnsOf(filter)
  // The length of a flow is computed from its ends.
  if (!specs.some(({ name }) => name === DURATION) && used.delete(DURATION)) used.add('start').add('end')
  const select = compileFilter(filter, specs)
  const steps = stepsOf(filter, specs)
  return {
    text: formatFilter(filter, types),
    filter,
    columns: specs.map(({ name }) => name).filter((name) => used.has(name)),
    select,
    ...(steps && { steps }),
    selectIn: (instance) => (steps ? markSelector(steps, instance, select) : select),
  }
}

/** The steps by which kernels carry a filter out, if they can. */
function stepsOf(filter: Filter, specs: readonly ColumnSpec[]): readonly MarkStep[] | undefined {
  const steps = markSteps(filter, specs)
  return steps && isShallow(steps) ? steps : undefined
}

function columnsOf(filter: Filter): Set<string> {
  switch (filter.type) {
    case 'and':
    case 'or':
      return new Set(filter.terms.flatMap((term) => [...columnsOf(term)]))
    case 'not':
      return columnsOf(filter.term)
    default:
      return new Set([filter.column])
  }
}
