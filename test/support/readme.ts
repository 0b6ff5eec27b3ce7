import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type RunningProcess, startNode } from './process.js';
import { send } from './nest-app.js';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The snippets of the README by the file name in the comment before each. */
export const SNIPPETS: ReadonlyMap<string, string> = new Map(
  [...README.matchAll(/<!-- snippet: (\S+) -->\n\n```\w+\n([^]*?)```/g)].map(([, name = '', code = '']) => [
    name,
    code,
  ]),
);

/** The lines of the README's shell blocks. */
export const COMMANDS: readonly string[] = [...README.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, code = '']) =>
  code.trim().split('\n'),
);

/** Lets a program that listens on port 3000 have any free one, and says which. */
const ANY_PORT = `data:text/javascript,${encodeURIComponent(`
  import { Server } from 'node:net';
  const { listen } = Server.prototype;
  Server.prototype.listen = function (port, ...rest) {
    if (port !== 3000) return listen.call(this, port, ...rest);
    this.once('listening', () => console.log('port 3000 is ' + this.address().port));
    return listen.call(this, 0, ...rest);
  };
`)}`;

/** Runs a program of the README that listens on port 3000. */
export async function startServer(file: string, cwd: string): Promise<{ url: string; process: RunningProcess }> {
  const process = startNode(['--import', ANY_PORT, file], {}, cwd);
  return { url: `http://127.0.0.1:${await process.line(/^port 3000 is (\d+)$/)}`, process };
}

/** What both servers of the README must do: sign alice in, guard /me, refuse a wrong password. */
export async function tryLogin(url: string): Promise<unknown> {
  const login = (password: string) => send(`${url}/login`, { method: 'POST', body: { account: 'alice', password } });
  const { body } = await login('passw0rd');
  const headers = { authorization: `Bearer ${String(body['accessToken'])}` };
  const [me, anonymous, wrong] = [await send(`${url}/me`, { headers }), await send(`${url}/me`), await login('wrong')];
  const user = body['user'] as Record<string, unknown>;
  return { email: user['email'], sameUser: me.body['sub'] === user['sub'], refused: [anonymous.status, wrong.status] };
}

/** What `tryLogin` gives where all is well. */
export const GOOD_LOGIN = { email: 'alice@example.com', sameUser: true, refused: [401, 401] };
