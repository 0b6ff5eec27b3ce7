import { join } from 'node:path';
import { ROOT, type RunningProcess, startNode } from './process.js';

/** The two samples, as `npm start` and `npm run start:express` run them. */
export const SAMPLES = ['main', 'express'] as const;

export interface RunningSample {
  url: string;
  emulatorUrl: string;
  process: RunningProcess;
}

/** Starts the built sample (npm's `pretest` builds it) with its emulator, both on free ports. */
export async function startSample(
  name: (typeof SAMPLES)[number],
  env: Record<string, string> = {},
): Promise<RunningSample> {
  const running = startNode([join(ROOT, 'dist-sample', `${name}.js`)], { PORT: '0', EMULATOR_PORT: '0', ...env });
  const emulatorUrl = await running.line(/^GenAuth emulator listening on (http:\S+)$/);
  const url = await running.line(/^Sample app \(\w+\) listening on (http:\S+)$/);
  return { url, emulatorUrl, process: running };
}
