import express5 from 'express';
import express4 from 'express4';

export type ExpressFactory = typeof express5;

/** For `describe.each`: the name and the factory of every Express that is in use. */
export const EXPRESS_VERSIONS: readonly (readonly [name: string, express: ExpressFactory])[] = [
  ['Express 4', express4],
  ['Express 5', express5],
];
