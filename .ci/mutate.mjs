// Changes one condition, operator, constant or statement of src (a mutant), and runs the tests that execute that place.
// A mutant with which all tests pass survives: a test is missing, or the code has no effect.
//
//   npm run mutate [SEED [COUNT [AREA...]]]     default: seed 1, 60 mutants in each area
// The sample depends on the seed and on the text of each place. It stays the same while other code changes.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';

const AREAS = { tokens: /^core.tokens/, 'sign-in': /^core.sign-in/, 'http+oidc': /^core.(http|oidc)/ };
Object.assign(AREAS, { web: /^(web|passport|express)/, nest: /^nest/ });
/** Pairs of operators. Each operator of a pair is replaced by the other operator. */
const SWAPS = '=== !== < <= > >= && || + - * / ?? &&'.split(' ');
/** Milliseconds after which the tests of a mutant are stopped. A mutant that hangs counts as killed. */
const TIMEOUT = 300_000;
const [seed = '1', count = '60', ...areas] = process.argv.slice(2);
const names = areas.length > 0 ? areas : Object.keys(AREAS);
const ROOT = join(import.meta.dirname, '..');
const COPY = mkdtempSync(join(tmpdir(), 'genauth-mutate-'));
const read = (file) => readFileSync(join(COPY, file), 'utf8');

/** Returns the changed text of a node, or `undefined` for a node that is not changed. */
function mutate(node, render) {
  const { parent } = node;
  const swap = ts.isBinaryExpression(node) ? SWAPS.indexOf(node.operatorToken.getText()) : -1;
  if (swap >= 0) return `((${render(node.left)}) ${SWAPS[swap ^ 1]} (${render(node.right)}))`;
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) return render(node.operand);
  const isCondition = parent && (ts.isConditionalExpression(parent) ? parent.condition : parent.expression) === node;
  if (isCondition && (ts.isConditionalExpression(parent) || ts.isIfStatement(parent))) return `!(${render(node)})`;
  if (node.kind === ts.SyntaxKind.TrueKeyword) return 'false';
  if (node.kind === ts.SyntaxKind.FalseKeyword) return 'true';
  if (ts.isNumericLiteral(node) && parent.name !== node) return `(${node.getText()} + 1)`;
  if (ts.isStringLiteral(node) && /^[\w/.:-]+$/.test(node.text) && isValue(node)) return `'${node.text}x'`;
  return ts.isExpressionStatement(node) || ts.isThrowStatement(node) ? ';' : undefined;
}

const PARENTS = [ts.isElementAccessExpression, ts.isBinaryExpression, ts.isCallExpression, ts.isConditionalExpression];
const isValue = (node) =>
  ts.isPropertyAssignment(node.parent) ? node.parent.name !== node : PARENTS.some((is) => is(node.parent));
/** Nodes that are not changed. Types do not exist at run time. A decorator runs once for the whole application. */
const SKIPPED = [ts.isTypeNode, ts.isImportDeclaration, ts.isExportDeclaration, ts.isDecorator];

function listMutants(file) {
  const tree = ts.createSourceFile(file, read(`src/${file}`), ts.ScriptTarget.ES2022, true);
  const [mutants, seen] = [[], new Map()];
  const visit = (node, path) => {
    if (SKIPPED.some((is) => is(node))) return;
    const inside = node.name?.getText ? `${path}.${node.name.getText()}` : path;
    const change = mutate(node, (each) => each.getText());
    if (change !== undefined) {
      const shown = `${node.getText()} → ${change}`.replaceAll(/\s+/g, ' ');
      const place = `${file} ${inside} ${shown}`;
      seen.set(place, (seen.get(place) ?? 0) + 1);
      const hash = createHash('sha256').update(`${seed} ${place} ${seen.get(place)}`);
      const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      mutants.push({ key: hash.digest('hex'), file, node, tree, text: `src/${file}:${line} ${shown}` });
    }
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(tree, '');
  return mutants;
}

/** Writes a source file with all its mutants. A mutant is active only if `__mutant(id)` returns true. */
function writeMutants(file) {
  const mutants = sample.filter((mutant) => mutant.file === file);
  const ids = new Map(mutants.map(({ node, id }) => [node, id]));
  const renderChildren = (node) => {
    let [text, end] = ['', node.getStart()];
    ts.forEachChild(node, (child) => {
      if (child.getStart() < end) return;
      text += mutants[0].tree.text.slice(end, child.getStart()) + render(child);
      end = child.getEnd();
    });
    return text + mutants[0].tree.text.slice(end, node.getEnd());
  };
  const render = (node) => {
    const [original, isActive] = [renderChildren(node), `globalThis.__mutant(${ids.get(node)})`];
    if (!ids.has(node)) return original;
    const mutated = mutate(node, renderChildren);
    return mutated === ';' ? `{ if (!${isActive}) { ${original} } }` : `(${isActive} ? ${mutated} : ${original})`;
  };
  writeFileSync(join(COPY, 'src', file), render(mutants[0].tree));
}

/** Runs the given test files in their order, or all test files if the list is empty. Returns whether they pass. */
async function runTests(id, tests, ...args) {
  const command = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '-c', 'mutate.config.mjs', ...args];
  const env = { ...process.env, MUTANT: String(id), TEST_ORDER: tests.join() };
  const child = spawn(process.execPath, [...command, ...tests], { cwd: COPY, env, stdio: 'ignore', detached: true });
  const timer = tests.length > 0 && setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), TIMEOUT);
  const status = await new Promise((resolve) => child.on('exit', resolve));
  clearTimeout(timer);
  return status === 0;
}

const HELPERS = {
  'mutate.config.mjs': `import config from './jest.config.mjs';
    export default { ...config, testTimeout: 10_000, setupFilesAfterEnv: ['<rootDir>/mutate.setup.mjs'],
      testSequencer: '<rootDir>/mutate.sequencer.cjs', testPathIgnorePatterns: ['test/.tmp/', 'test/consumers/'] };`,
  'mutate.setup.mjs': `import { appendFileSync } from 'node:fs';
    const [started, hits, { MUTANT }] = [Date.now(), new Set(), process.env];
    globalThis.__mutant = (id) => { hits.add(id); return String(id) === MUTANT; };
    afterAll(() => MUTANT === 'none' && appendFileSync('hits.jsonl', JSON.stringify({
      test: expect.getState().testPath, time: Date.now() - started, hits: [...hits] }) + '\\n'));`,
  'mutate.sequencer.cjs': `const order = process.env.TEST_ORDER.split(',');
    module.exports = class extends require('@jest/test-sequencer').default {
      sort = (tests) => [...tests].sort((a, b) => order.indexOf(a.path) - order.indexOf(b.path));
    };`,
};
for (const name of readdirSync(ROOT).filter((each) => !['node_modules', '.git', 'bench'].includes(each))) {
  cpSync(join(ROOT, name), join(COPY, name), { recursive: true });
}
symlinkSync(join(ROOT, 'node_modules'), join(COPY, 'node_modules'));
for (const [name, text] of Object.entries(HELPERS)) writeFileSync(join(COPY, name), text);

const files = readdirSync(join(COPY, 'src'), { recursive: true }).filter((file) => file.endsWith('.ts'));
const sample = names.flatMap((name) => {
  const mutants = files.filter((file) => AREAS[name].test(file)).flatMap(listMutants);
  mutants.sort((a, b) => (a.key < b.key ? -1 : 1));
  return mutants.slice(0, Number(count)).map((mutant) => ({ ...mutant, name }));
});
sample.forEach((mutant, id) => Object.assign(mutant, { id }));
for (const file of new Set(sample.map((mutant) => mutant.file))) writeMutants(file);

await runTests('none', [], '--silent', '--json', '--outputFile=all.json');
const results = JSON.parse(read('all.json')).testResults;
const passed = new Set(results.filter(({ status }) => status === 'passed').map(({ name }) => name));
console.log(`${sample.length} mutants. ${passed.size} of ${results.length} test files pass without a mutant.`);
const hits = JSON.parse(`[${read('hits.jsonl').trim().replaceAll('\n', ',')}]`);
const fastestFirst = hits.filter(({ test }) => passed.has(test)).sort((a, b) => a.time - b.time);

const queue = [...sample];
const work = async () => {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const tests = fastestFirst.filter((each) => each.hits.includes(mutant.id)).map(({ test }) => test);
    const survives = tests.length === 0 || (await runTests(mutant.id, tests, '--bail', '--runInBand', '--forceExit'));
    Object.assign(mutant, { killed: !survives });
    if (survives) console.log(`survived ${tests.length} test files: ${mutant.text}`);
  }
};
await Promise.all(Array.from({ length: availableParallelism() }, work));
for (const name of names) {
  const own = sample.filter((mutant) => mutant.name === name);
  console.log(`${name}: ${own.filter((mutant) => mutant.killed).length} of ${own.length} killed`);
}
rmSync(COPY, { recursive: true });
