import { nextTurn } from '../../../src/core/util/next-turn.js';

it('lets all callers of one turn continue together, step by step', async () => {
  const steps: string[] = [];
  const run = async (name: string): Promise<void> => {
    await nextTurn();
    steps.push(`${name} parses`);
    await Promise.resolve();
    steps.push(`${name} verifies`);
  };
  const before = Promise.resolve().then(() => steps.push('other work of the same turn'));
  await Promise.all([run('a'), run('b'), before]);
  expect(steps).toEqual(['other work of the same turn', 'a parses', 'b parses', 'a verifies', 'b verifies']);
});

it('lets a caller of a later turn wait for that turn', async () => {
  const first = nextTurn();
  expect(nextTurn()).toBe(first);
  await first;
  expect(nextTurn()).not.toBe(first);
});
