import { nextTurn } from '../../../src/core/util/next-turn.js';

it('lets all callers of one turn continue together after the other work of the turn, step by step', async () => {
  const steps: string[] = [];
  const run = async (name: string): Promise<void> => {
    await nextTurn();
    steps.push(`${name} parses`);
    await Promise.resolve();
    steps.push(`${name} verifies`);
  };
  const before = new Promise<void>((resolve) => {
    setImmediate(() => {
      steps.push('other work');
      resolve();
    });
  });
  await Promise.all([run('a'), run('b'), before]);
  expect(steps).toEqual(['other work', 'a parses', 'b parses', 'a verifies', 'b verifies']);
});

it('lets a caller of a later turn wait for that turn', async () => {
  const first = nextTurn();
  expect(nextTurn()).toBe(first);
  await first;
  expect(nextTurn()).not.toBe(first);
});
