import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, type RunningProcess, startNode } from './process.js';
import { send } from './nest-app.js';

/** The paths of all pages with snippets. */
export const PAGES: readonly string[] = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((file) => `docs/${file}`)];

/** The snippets of a page. Keys are the file names in the comments before them. */
export function readSnippets(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const found = text.matchAll(/<!-- snippet: (\S+) -->\n\n```\w+\n([^]*?)```/g);
  return new Map([...found].map(([, name = '', code = '']) => [name, code]));
}

/** The snippets of the README. */
export const SNIPPETS = readSnippets('README.md');

/** The examples in the doc comments of `src`. Keys name the file and the declaration. */
export function readExamples(): ReadonlyMap<string, string> {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const comments = files.flatMap((file) =>
    [...readFileSync(join(ROOT, 'src', file), 'utf8').matchAll(/\/\*\*([^]*?)\*\/\s*((?:@.*\n\s*)*.*)/g)].map(
      ([, text = '', declaration = '']) => ({ file, text: text.replaceAll(/^ *\* ?/gm, ''), declaration }),
    ),
  );
  const examples = comments.flatMap(({ file, text, declaration }) =>
    [...text.matchAll(/```ts\n([^]*?)```/g)].map(
      ([, code = ''], i) => [`${file}: ${findName(declaration)}${i === 0 ? '' : ` ${i + 1}`}`, code] as const,
    ),
  );
  return new Map(examples);
}

/** The name of the declared class, function, constant, interface or member. */
function findName(declaration: string): string {
  const [line = ''] = declaration.split('\n').filter((each) => !each.trim().startsWith('@'));
  const access = 'export|declare|abstract|async|static|override|readonly|protected|public';
  const keywords = new RegExp(`^\\s*(?:(?:${access}|class|function|const|interface|type)\\s+)*`);
  return line.replace(keywords, '').match(/^[\w$#]+/)?.[0] ?? line;
}

/** The lines in the shell blocks of a page, or of one section. */
export function readCommands(section?: string, page = 'README.md'): string[] {
  const whole = readFileSync(join(ROOT, page), 'utf8');
  const text = section === undefined ? whole : (whole.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '');
  return [...text.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, code = '']) => code.trim().split('\n'));
}

/** Whether a line of a shell block sends a request to the server of its section. */
export const isRequest = (line: string): boolean => /\bcurl\b/.test(line);

/** Whether this machine has the programs that run those lines. */
export const HAS_CURL = ['bash', 'curl'].every((program) => spawnSync(program, ['--version']).error === undefined);

/** Runs the curl lines of a README section in one shell, against another address. Returns the response of each line. */
export async function runRequests(section: string, url: string): Promise<Record<string, unknown>[]> {
  const script = readCommands(section).filter(isRequest).join('\necho\n').replaceAll('http://localhost:3000', url);
  const env = { PATH: process.env['PATH'] ?? '' };
  const { stdout } = await promisify(execFile)('bash', ['-ec', script], { env, timeout: 20_000 });
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]));
}

/** Makes a program listen on a free port in place of port 3000, and print it. */
const ANY_PORT = `data:text/javascript,${encodeURIComponent(`
  import { Server } from 'node:net';
  const { listen } = Server.prototype;
  Server.prototype.listen = function (port, ...rest) {
    if (port !== 3000) return listen.call(this, port, ...rest);
    this.once('listening', () => console.log('port 3000 is ' + this.address().port));
    return listen.call(this, 0, ...rest);
  };
`)}`;

/** Runs a program of the README. */
export async function startServer(file: string, cwd: string): Promise<{ url: string; process: RunningProcess }> {
  const process = startNode(['--import', ANY_PORT, file], {}, cwd);
  return { url: `http://127.0.0.1:${await process.line(/^port 3000 is (\d+)$/)}`, process };
}

/** Signs alice in, asks /me with and without her token, and tries a wrong password. */
export async function tryLogin(url: string): Promise<unknown> {
  const login = (password: string) => send(`${url}/login`, { method: 'POST', body: { account: 'alice', password } });
  const { body } = await login('passw0rd');
  const headers = { authorization: `Bearer ${String(body['accessToken'])}` };
  const [me, anonymous, wrong] = [await send(`${url}/me`, { headers }), await send(`${url}/me`), await login('wrong')];
  const user = body['user'] as Record<string, unknown>;
  return { email: user['email'], sameUser: me.body['sub'] === user['sub'], refused: [anonymous.status, wrong.status] };
}

/** The result of `tryLogin` for the servers of the README. */
export const GOOD_LOGIN = { email: 'alice@example.com', sameUser: true, refused: [401, 401] };
