/** The emulator's clock. Its time can differ from the real time, like the clock of a real server. */
export class EmulatorClock {
  /**
   * The number of seconds by which this clock is ahead of the real time. If the number is negative, this clock is
   * behind.
   */
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
