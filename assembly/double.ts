// Signed 64-bit values as doubles. What a column cannot hold is noted while a page is decoded, and refused at its end.

const MAX_SAFE: f64 = 9007199254740991.0

let unfit: u32 = 0

/** Forgets what was noted; called before a page. */
export function startPage(): void {
  unfit = 0
}

/** Whether every value of the page has found room in its column. */
export function hasFitted(): bool {
  return unfit == 0
}

/** Notes that a value does not fit its column (1) or does (0). */
// @ts-ignore: decorator
@inline
export function noteUnfit(isUnfit: bool): void {
  unfit |= <u32>isUnfit
}

/** Stores a value as a double; those that a double cannot hold are noted. */
// @ts-ignore: decorator
@inline
export function storeDouble(dst: usize, index: u32, value: i64): void {
  const double = <f64>value
  noteUnfit(f64.abs(double) > MAX_SAFE)
  store<f64>(dst + (<usize>index << 3), double)
}
