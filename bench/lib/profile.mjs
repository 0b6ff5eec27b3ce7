import { Session } from 'node:inspector/promises';

/** The maximum number of rows that are printed. */
const MAX_ROWS = 40;

function shorten(url) {
  return url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\/\.cache\/passport-genauth-\d+\/dist\//, 'OURS ')
    .replace(/^.*\/node_modules\//, '');
}

let session;

/** Starts the profiler in this process. */
export async function startProfile() {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
}

/** Stops the profiler and returns the profile. */
export async function stopProfile() {
  return (await session.post('Profiler.stop')).profile;
}

/**
 * Prints the time that a process spent in each package and in each function, in microseconds for one request. The time
 * of a function does not include the functions that it calls.
 *
 * @param requests - The number of requests that the process handled during the profile.
 */
export function printProfile({ nodes, samples, timeDeltas }, requests) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const [functions, packages] = [new Map(), new Map()];
  const add = (map, key, value) => map.set(key, (map.get(key) ?? 0) + value);
  samples.forEach((id, i) => {
    const { functionName, url, lineNumber } = byId.get(id).callFrame;
    // `dispatch` is the time of the profiler itself.
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
    const rows = [...map].sort(([, a], [, b]) => b - a).slice(0, MAX_ROWS);
    console.log(rows.map(([key, value]) => `${(value / requests).toFixed(2).padStart(8)} µs  ${key}`).join('\n'));
    console.log();
  }
}
