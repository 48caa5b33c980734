/** Watches over one exchange, which is given up when nothing is heard of it for a while. */
export class Silence {
  /** True once it has lasted too long. */
  isOver = false
  readonly #timer: NodeJS.Timeout
  #giveUp: (() => void) | undefined

  constructor(limitMs: number) {
    this.#timer = setTimeout(() => {
      this.isOver = true
      this.#giveUp?.()
    }, limitMs)
  }

  /** Begins anew: something was heard. */
  heard(): void {
    this.#timer.refresh()
  }

  /** What is done when it has lasted too long. */
  onOver(giveUp: () => void): void {
    this.#giveUp = giveUp
  }

  /** Watches no more. */
  end(): void {
    clearTimeout(this.#timer)
  }
}
