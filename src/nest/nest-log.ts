import { Logger } from '@nestjs/common';
import type { LogFunction } from '../core/options/types.js';

const logger = new Logger('GenAuth');

/** Writes the log lines for refused requests with the logger of Nest. It is the default of the option `log` in Nest. */
export const logByNest: LogFunction = (level, text, { cause }) => {
  if (level === 'error') logger.error(text, cause?.stack);
  else logger.debug(text);
};
