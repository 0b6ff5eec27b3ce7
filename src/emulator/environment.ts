import { EmulatorError } from './errors.js';

/** The values of `NODE_ENV` with which the emulator and the test kit start. They also start without `NODE_ENV`. */
const DEVELOPMENT = ['development', 'test', 'ci'];

/**
 * Refuses to start the emulator or the test kit outside development.
 *
 * @param name - The name for the message: `emulator` or `test kit`.
 * @param danger - Why it must not start in production.
 * @param allowed - A further value of `NODE_ENV` that the developer allows.
 * @throws EmulatorError with the code `production_refused`.
 */
export function refuseProduction(name: string, danger: string, allowed: string | undefined): void {
  const { NODE_ENV: given } = process.env;
  if (given === undefined || given === '' || DEVELOPMENT.includes(given)) return;
  const isProduction = given.trim().toLowerCase() === 'production';
  if (!isProduction && given === allowed) return;
  const fix = isProduction
    ? 'Connect to a GenAuth tenant in production, or set NODE_ENV=development.'
    : `Set NODE_ENV to ${DEVELOPMENT.join(', ')}, ` +
      `or write allowNodeEnv: ${JSON.stringify(given)} (flag --allow-node-env).`;
  throw new EmulatorError(
    'production_refused',
    `The GenAuth ${name} does not start with NODE_ENV=${given}, because ${danger}. ${fix}`,
  );
}
