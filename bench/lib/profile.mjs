import { Session } from 'node:inspector/promises';

const SHOWN = 40;

function shorten(url) {
  return url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\/\.cache\/passport-genauth\/dist\//, 'OURS ')
    .replace(/^.*\/node_modules\//, '');
}

let session;

/** In the process whose time it is. */
export async function startProfile() {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
}

export async function stopProfile() {
  return (await session.post('Profiler.stop')).profile;
}

/**
 * Prints where the time of a process went: self time by function, and by package.
 *
 * @param requests - How many requests the profile is about.
 */
export function printProfile({ nodes, samples, timeDeltas }, requests) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const [functions, packages] = [new Map(), new Map()];
  const add = (map, key, value) => map.set(key, (map.get(key) ?? 0) + value);
  samples.forEach((id, i) => {
    const { functionName, url, lineNumber } = byId.get(id).callFrame;
    // The second is the profiler's own.
    if (functionName === '(idle)' || (functionName === 'dispatch' && url === '')) return;
    const place = shorten(url);
    add(
      functions,
      `${functionName || '(anonymous)'}  ${place}${url === '' ? '' : `:${lineNumber + 1}`}`,
      timeDeltas[i],
    );
    const name = /^(@[^/]+\/[^/]+|[^/ ]+)/.exec(place)?.[0];
    add(packages, url === '' ? functionName : url.startsWith('node:') ? 'node' : (name ?? place), timeDeltas[i]);
  });
  for (const map of [packages, functions]) {
    const rows = [...map].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
    console.log(rows.map(([key, value]) => `${(value / requests).toFixed(2).padStart(8)} µs  ${key}`).join('\n'));
    console.log();
  }
}
