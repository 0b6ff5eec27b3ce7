// Measures the encryption of passwords. The results are the time for which one password blocks the thread, and the
// delay of the event loop at 20 logins per second.
//
//   npm run build && cd bench && npm install && npm run password-encryption
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import forge from 'node-forge';
import { GenAuthClient } from 'passport-genauth';
import smCrypto from 'sm-crypto';
import { PasswordEncryption } from '../dist/core/sign-in/password-encryption.js';
import { reportGoals } from './lib/goals.mjs';
import { SECONDS } from './lib/settings.mjs';
import { median, quantile } from './lib/statistics.mjs';

const PASSWORD = 'passw0rd';
const LOGINS_PER_SECOND = 20;

/**
 * Returns the time for which the encryption of one password blocks the thread, in milliseconds. It is measured after a
 * warm-up.
 */
function measureBlocking(encrypt, times) {
  for (let i = 0; i < Math.min(times, 50); i += 1) encrypt();
  const taken = Array.from({ length: times }, () => {
    const start = performance.now();
    encrypt();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return { p50: quantile(taken, 0.5), p99: quantile(taken, 0.99) };
}

async function compareBlocking(system) {
  const encryption = new PasswordEncryption({ requestSystem: async () => system, now: Date.now });
  const [rsa, sm2] = [await encryption.getKey('rsa'), await encryption.getKey('sm2')];
  const forgeKey = forge.pki.publicKeyFromPem(system.rsa.publicKey);
  const contenders = Object.entries({
    'rsa, passport-genauth': [() => rsa.encrypt(PASSWORD), 2000],
    'rsa, node-forge': [() => forge.util.encode64(forgeKey.encrypt(PASSWORD)), 1000],
    'sm2, passport-genauth': [() => sm2.encrypt(PASSWORD), 1000],
    'sm2, sm-crypto': [() => smCrypto.sm2.doEncrypt(PASSWORD, system.sm2.publicKey, 1), 200],
  });
  // Each round measures every contender. So if the machine is slow for a short time, all contenders are affected.
  const rounds = Array.from({ length: 5 }, () =>
    Object.fromEntries(contenders.map(([name, [run, times]]) => [name, measureBlocking(run, times / 5)])),
  );
  const toMedian = (name, figure) => median(rounds.map((round) => round[name][figure]));
  return Object.fromEntries(
    contenders.map(([name]) => [name, { p50: toMedian(name, 'p50'), p99: toMedian(name, 'p99') }]),
  );
}

/** Returns the delay of the event loop during sign-ins, in milliseconds. */
async function measureLoop(appHost, passwordEncryptType) {
  const client = new GenAuthClient({
    appId: 'genauth-emulator-app',
    appSecret: 'genauth-emulator-secret-0123456789abcdef',
    appHost,
    passwordEncryptType,
  });
  await client.warmUp();
  for (let i = 0; i < 5; i += 1) await client.signIn({ account: 'alice', password: PASSWORD });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const logins = [];
  const start = performance.now();
  for (let i = 0; i < SECONDS * LOGINS_PER_SECOND; i += 1) {
    await sleep(Math.max(0, start + (i * 1000) / LOGINS_PER_SECOND - performance.now()));
    logins.push(client.signIn({ account: 'alice', password: PASSWORD }));
  }
  const outcomes = await Promise.all(logins);
  delay.disable();
  void client.close();
  const failed = outcomes.filter(({ kind }) => kind !== 'success').length;
  if (failed > 0) throw new Error(`${failed} logins with passwordEncryptType ${passwordEncryptType} failed.`);
  return { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6 };
}

function printTable(title, rows) {
  console.log(title);
  console.table(
    Object.fromEntries(
      Object.entries(rows).map(([name, { p50, p99 }]) => [
        name,
        { 'p50 ms': p50.toFixed(3), 'p99 ms': p99.toFixed(3) },
      ]),
    ),
  );
}

// The emulator runs in another process, so that the time of its decryption is not measured.
const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const emulator = spawn(process.execPath, [cli, 'emulator', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const ended = once(emulator, 'exit').then(([code]) => Promise.reject(new Error(`The emulator ended with ${code}.`)));
  const [line] = await Promise.race([once(createInterface(emulator.stdout), 'line'), ended]);
  const appHost = /http:\S+/.exec(line)[0];
  const blocking = await compareBlocking(await (await fetch(`${appHost}/api/v3/system`)).json());
  const loop = {};
  for (const type of ['none', 'rsa', 'sm2']) loop[type] = await measureLoop(appHost, type);
  printTable('Blocking time for one password:', blocking);
  printTable(`Event-loop delay at ${LOGINS_PER_SECOND} logins/s, ${SECONDS} s for each type:`, loop);
  const forgeTimes = blocking['rsa, node-forge'].p50 / blocking['rsa, passport-genauth'].p50;
  console.log(`node-forge blocks ${forgeTimes.toFixed(1)} times as long as passport-genauth.`);
  reportGoals([
    [
      'blocking time of sm-crypto divided by passport-genauth',
      blocking['sm2, sm-crypto'].p50 / blocking['sm2, passport-genauth'].p50,
      15,
    ],
    ['ms that sm2 adds to the p99 of the loop delay', loop.sm2.p99 - loop.none.p99, { atMost: 5 }],
  ]);
} finally {
  emulator.kill();
}
