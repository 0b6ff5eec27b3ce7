/**
 * Settings of a property test: a fixed seed, so that a failure can be repeated, and the number of runs.
 * The environment variable PROPERTY_RUNS replaces the number of runs.
 */
export const propertyRuns = (numRuns = 200): { seed: number; numRuns: number } => ({
  seed: 20_261_128,
  numRuns: Number(process.env['PROPERTY_RUNS'] ?? numRuns),
});
