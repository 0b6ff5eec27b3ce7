import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, type RunningProcess, startNode } from './process.js';
import { send } from './nest-app.js';

const listPages = (folder: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`);

/** The paths of all pages with snippets, in English. */
export const PAGES: readonly string[] = ['README.md', ...listPages('docs')];

/** The pages in Chinese. They have the snippets and commands of the README: all of them if `isComplete`. */
export const TRANSLATIONS = [
  { chinese: 'README.zh-CN.md', isComplete: true },
  { chinese: 'docs/zh-CN/quick-start.md', isComplete: false },
] as const;

/** A block of code of a page, with the HTML comment before it. */
export interface CodeBlock {
  comment: string | undefined;
  language: string;
  code: string;
  /** The text before the block, after the last block. */
  before: string;
}

/** All blocks of code of a page. */
export function readBlocks(page: string): CodeBlock[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const found = [...text.matchAll(/(?:<!-- (.*?) -->\n\n)?^```(\w*)\n([^]*?)^```$/gm)];
  return found.map((match, i) => {
    const previous = found[i - 1];
    const start = previous === undefined ? 0 : previous.index + previous[0].length;
    const [, comment, language = '', code = ''] = match;
    return { comment, language, code, before: text.slice(start, match.index) };
  });
}

/** The file name of a snippet: in the HTML comment before it, or in its first line, `// nest.ts, step 1 of 3`. */
export function getSnippetName({ comment, code }: CodeBlock): string | undefined {
  return /^snippet: (\S+)$/.exec(comment ?? '')?.[1] ?? /^\/\/ ([\w.-]+\.[jt]s)\b/.exec(code)?.[1];
}

/** The snippets of a page. Keys are the file names. Blocks with one name are the parts of one file. */
export function readSnippets(page: string): ReadonlyMap<string, string> {
  const snippets = new Map<string, string>();
  for (const block of readBlocks(page)) {
    const name = getSnippetName(block);
    if (name !== undefined) snippets.set(name, (snippets.get(name) ?? '') + block.code);
  }
  return snippets;
}

/** The snippets of the README. */
export const SNIPPETS = readSnippets('README.md');

/** The examples in the doc comments of `src`, each with the path of its file. */
export function readExamples(): (readonly [file: string, code: string])[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  return files.flatMap((file) => {
    const text = file.endsWith('.ts') ? readFileSync(join(ROOT, 'src', file), 'utf8').replaceAll(/^ *\* ?/gm, '') : '';
    return [...text.matchAll(/```ts\n([^]*?)```/g)].map(([, code = '']) => [file, code] as const);
  });
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

/** The first curl lines of a page after a marker, and the lines of the block after them, which shows the responses. */
export function readRequests(page: string, marker: string): { lines: string[]; shown: string[] } {
  const [, text = ''] = readFileSync(join(ROOT, page), 'utf8').split(marker);
  const blocks = [...text.matchAll(/```\w+\n([^]*?)```/g)].map(([, code = '']) => code.trim().split('\n'));
  const start = blocks.findIndex((lines) => isRequest(lines.join('\n')));
  const [lines = [], shown = []] = start < 0 ? [] : blocks.slice(start);
  return { lines, shown: shown.map((line) => line.replaceAll(/\s+/g, ' ')) };
}

/** Runs curl lines in one shell, against another address. Returns what each line printed. Assignments print nothing. */
export async function runRequests(lines: readonly string[], url: string, cwd = ROOT): Promise<string[]> {
  const script = lines.join("\nprintf '\\0'\n").replaceAll(/http:\/\/(?:localhost:3000|127\.0\.0\.1:3999)/g, url);
  const env = { PATH: process.env['PATH'] ?? '' };
  const { stdout } = await promisify(execFile)('bash', ['-ec', script], { cwd, env, timeout: 20_000 });
  return stdout.split('\0');
}

/**
 * The path of a curl line, with the status and the content of its response, as the pages show them: the code of a
 * refusal, the names in another object, or the text, without the parts that differ from run to run.
 */
export function describeResponse(line: string, printed: string): string {
  const [, path = ''] = /https?:\/\/[^/]+(\/\S*)/.exec(line) ?? [];
  const [, status, headers = '', body = printed] = /^HTTP\S+ (\d+)([^]*?)\r\n\r\n([^]*)$/.exec(printed) ?? [];
  const content = /^location: (.*)$/im.exec(headers)?.[1] ?? describeBody(body.trim());
  return [path, status, content].filter(Boolean).join(' ');
}

function describeBody(body: string): string {
  if (!body.startsWith('{')) return body.replaceAll(/\b[\da-f]{24}\b/g, '…').replace(/^eyJ.*/, 'eyJ…');
  const { code, ...rest } = JSON.parse(body) as Record<string, unknown>;
  return typeof code === 'string' ? code : `{ ${Object.keys(rest).join(', ')} }`.replace('  ', '');
}

/** Loads the program that a request names. The program listens on a free port in place of port 3000 or 3999. */
const HOST = `
  import { createServer } from 'node:http';
  import { Server } from 'node:net';
  const { listen } = Server.prototype;
  const host = createServer(({ url }, response) => {
    Server.prototype.listen = function (port, ...rest) {
      // Fastify passes an object.
      const wanted = port?.port ?? port;
      if (wanted !== 3000 && wanted !== 3999) return listen.call(this, port, ...rest);
      this.once('listening', () => response.end('http://127.0.0.1:' + this.address().port));
      return listen.call(this, port === wanted ? 0 : { ...port, port: 0 }, ...rest);
    };
    import(url);
  });
  host.listen(0, '127.0.0.1', () => console.log('the port is ' + host.address().port));`;

export interface ProgramHost {
  /** Runs a program until the host stops. Returns the address of its server. */
  serve(path: string): Promise<string>;
  /** Waits up to 20 s for a line that a program prints. Returns the first group of the pattern. */
  line: RunningProcess['line'];
  stop(): Promise<void>;
}

/** Starts one Node process for programs of the pages. A new program may replace the strategies of the one before. */
export async function startHost(cwd: string, env: Record<string, string> = {}): Promise<ProgramHost> {
  const host = startNode(['--input-type=module', '--eval', HOST], env, cwd);
  const port = await host.line(/^the port is (\d+)$/);
  const serve = async (path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    if (response === undefined) throw new Error(`${path} does not listen:\n${host.output()}`);
    return response.text();
  };
  return { serve, line: (pattern) => host.line(pattern), stop: () => host.stop() };
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

/** The result of {@link tryLogin} for the servers of the README. */
export const GOOD_LOGIN = { email: 'alice@example.com', sameUser: true, refused: [401, 401] };
