/** The entry of `names` that is nearest to `name` by edits, when it is near enough to be what was meant. */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `, did you mean 'x'` for an unknown name, or how the known ones read when none is near. */
export function suggest(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names)
  if (nearest) return `, did you mean '${nearest}'`
  return names.length === 0 ? '' : `, expected one of ${names.join(', ')}`
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      row.push(Math.min((row[j - 1] ?? 0) + 1, (previous[j] ?? 0) + 1, (previous[j - 1] ?? 0) + change))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}
