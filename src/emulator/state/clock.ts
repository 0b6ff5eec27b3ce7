/** The emulator's clock. It may differ from the real time, like the clock of a real server. */
export class EmulatorClock {
  /** Seconds by which the clock is ahead of the real time, or behind if negative. */
  drift: number;

  constructor(drift: number) {
    this.drift = drift;
  }

  /** Returns the current time of this clock. */
  date(): Date {
    return new Date(Date.now() + this.drift * 1000);
  }

  /** Returns the current time of this clock as a JWT NumericDate: whole seconds since 1970 (RFC 7519 §2). */
  nowInSeconds(): number {
    return Math.floor(Date.now() / 1000) + this.drift;
  }
}
