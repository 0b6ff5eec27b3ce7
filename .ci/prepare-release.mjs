// Writes the members `homepage`, `bugs`, `author` and `repository` of package.json, from the address of the repository
// and the name of the author. The command can be repeated: the same input gives the same file.
//
//   npm run release:prepare -- [--repository URL] [--author 'NAME <EMAIL>']
//
// Default of --repository: the address of the Git remote `origin`. Default of --author: the author in package.json.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const FILE = 'package.json';
/** The order in which oxfmt sorts the first members of package.json. */
const FIRST = ['name', 'version', 'description', 'keywords', 'homepage', 'bugs', 'license', 'author', 'repository'];
const USAGE = "npm run release:prepare -- [--repository URL] [--author 'NAME <EMAIL>']";
const EXAMPLE = 'write it as https://HOST/OWNER/NAME, git@HOST:OWNER/NAME.git or ssh://git@HOST/OWNER/NAME.git';

class InputError extends Error {}

function readOptions() {
  try {
    const options = { repository: { type: 'string' }, author: { type: 'string' } };
    return parseArgs({ options }).values;
  } catch (error) {
    throw new InputError(`${error.message.split('.')[0]}. Usage: ${USAGE}`);
  }
}

function readOrigin() {
  const { status, stdout } = spawnSync('git', ['remote', 'get-url', 'origin'], { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  throw new InputError(`Git has no remote "origin". Add --repository URL, or run: git remote add origin URL`);
}

/** Returns the address of the repository's page, without `.git` and without a slash at its end. */
function parseRepository(text, source) {
  const refuse = (problem, fix = EXAMPLE) => new InputError(`${source} ${problem}: ${fix}.`);
  const short = /^git@([^:/\s]+):(?!\/)(.+)$/.exec(text);
  const address = (short ? `ssh://git@${short[1]}/${short[2]}` : text).replace(/^git\+/, '');
  if (!URL.canParse(address)) throw refuse(`is "${text}"`);
  const { protocol, host, hostname, username, password, pathname, search, hash } = new URL(address);
  const isLogin = password !== '' || (username !== '' && !(protocol === 'ssh:' && username === 'git'));
  // The value is not printed, because it can contain a token.
  if (isLogin) throw refuse(`has a user name or a token before ${host}`, 'remove it, because package.json is public');
  if (!['https:', 'ssh:'].includes(protocol)) throw refuse(`is "${text}"`);
  if (/^(?:localhost|[\d.]+|\[.*\])$|(?:^|\.)(?:example(?:\.\w+)?|test|invalid|localhost)$/.test(hostname)) {
    throw refuse(`is "${text}"`, `${hostname} is no public host; ${EXAMPLE}`);
  }
  const path = pathname.replace(/\/$/, '').replace(/\.git$/, '');
  if (!/^(?:\/[\w.-]+){2,}$/.test(path) || search !== '' || hash !== '') throw refuse(`is "${text}"`);
  return `https://${protocol === 'ssh:' ? hostname : host}${path}`;
}

function parseAuthor(given, known) {
  const fix = "add --author 'NAME <EMAIL>' or --author 'NAME'";
  if (given === undefined && known === undefined) throw new InputError(`package.json has no author: ${fix}.`);
  if (given === undefined) return known;
  if (/^[^<>()\n]*[^<>()\s](?: <[^\s<>@]+@[^\s<>@]+>)?$/.test(given) && given.trim() === given) return given;
  throw new InputError(`--author is "${given}": write 'NAME <EMAIL>' or 'NAME'.`);
}

function prepare() {
  const options = readOptions();
  const source = options.repository === undefined ? 'The Git remote "origin"' : '--repository';
  const page = parseRepository(options.repository ?? readOrigin(), source);
  const manifest = JSON.parse(readFileSync(FILE, 'utf8'));
  const values = {
    ...manifest,
    homepage: `${page}#readme`,
    bugs: { url: `${page}/issues` },
    author: parseAuthor(options.author, manifest.author),
    repository: { type: 'git', url: `git+${page}.git` },
  };
  const names = [...FIRST, ...Object.keys(manifest).filter((name) => !FIRST.includes(name))];
  const sorted = Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
  writeFileSync(FILE, `${JSON.stringify(sorted, null, 2)}\n`);
  for (const name of ['homepage', 'bugs', 'author', 'repository']) {
    console.log(`${name}: ${values[name].url ?? values[name]}`);
  }
}

try {
  prepare();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
