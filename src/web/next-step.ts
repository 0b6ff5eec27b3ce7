/** The next step of a sign-in that GenAuth did not complete. */
export interface NextStep {
  /** The browser must be sent to `url`. */
  kind: 'redirect';
  /** The path of the application that begins a sign-in on GenAuth's hosted page. */
  url: string;
}

/** The next step of the refused sign-ins of each client, by the options of the client. */
const steps = new WeakMap<object, NextStep>();

/** Sets the next step that the responses to refused sign-ins of a client name. */
export function setNextStep({ options }: { options: object }, step: NextStep): void {
  steps.set(options, step);
}

/** Returns the next step of a client, or `undefined` if the application has no way to complete a sign-in. */
export function findNextStep(options: object): NextStep | undefined {
  return steps.get(options);
}
