const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const

/** A horizontal bar for a share of `width` terminal columns, to an eighth of a column; anything above 0 shows. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  if (eighths === 0) return share > 0 ? EIGHTHS[1] : ''
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!
}
