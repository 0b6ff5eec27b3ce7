import { join } from 'node:path';
import { ROOT, type RunningProcess, startNode } from '../support/process.js';

/** The samples of `npm start` and `npm run start:express`. */
export const SAMPLES = ['main', 'express'] as const;

export interface RunningSample {
  url: string;
  emulatorUrl: string;
  process: RunningProcess;
}

/** Starts a built sample with its emulator on free ports. npm's `pretest` builds the samples. */
export async function startSample(
  name: (typeof SAMPLES)[number],
  env: Record<string, string> = {},
): Promise<RunningSample> {
  const running = startNode([join(ROOT, 'dist-sample', `${name}.js`)], { PORT: '0', EMULATOR_PORT: '0', ...env });
  const emulatorUrl = await running.line(/^GenAuth emulator listening on (http:\S+)$/);
  const url = await running.line(/^Sample app \(\w+\) listening on (http:\S+)$/);
  return { url, emulatorUrl, process: running };
}
