/** The emulator's clock. Like that of a real server, it may be wrong. */
export class EmulatorClock {
  /** Seconds by which it is ahead; behind, if negative. */
  drift: number;

  constructor(drift: number) {
    this.drift = drift;
  }

  date(): Date {
    return new Date(Date.now() + this.drift * 1000);
  }

  /** What a JWT calls now, in whole seconds (RFC 7519 §2, NumericDate). */
  nowInSeconds(): number {
    return Math.floor(Date.now() / 1000) + this.drift;
  }
}
