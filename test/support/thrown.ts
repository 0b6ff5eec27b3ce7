/** What a function throws; what it returns where it throws nothing. */
export function catchThrown(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
