/** How many terminal columns text takes: combining marks none, East Asian wide characters and emoji two. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** Cuts text to `columns` terminal columns, with an ellipsis in place of what is cut. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  let cut = ''
  let width = 0
  for (const character of text) {
    width += characterWidth(character)
    if (width >= columns) break
    cut += character
  }
  return `${cut}…`
}

/** Replaces control characters, so that a name from the network cannot move the cursor or change colours. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

const CONTROL = /\p{Cc}/gu
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u
/** East Asian wide and fullwidth blocks of Unicode (UAX 11), rounded to whole blocks. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u

function characterWidth(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}
