import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 10_000;

/**
 * Where the parts of a running demo listen.
 * @typedef {{ page: string, gateway: string, issuer: string, upstream: string, admin: string, admin_secret: string }} Addresses
 */

/**
 * Starts `admitone demo` on free ports and waits until it says where it listens. The binary is named by
 * `ADMITONE_BIN`; without it this fails, since a suite that skips itself proves nothing.
 * @returns {Promise<{ addresses: Addresses, stop: () => Promise<void> }>}
 */
export async function startDemo() {
  const binary = process.env.ADMITONE_BIN;
  if (!binary)
    throw new Error(
      'ADMITONE_BIN is not set: name the admitone binary to test, such as target/release/admitone',
    );
  const child = spawn(binary, ['demo', '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = collect(child.stderr);
  const exited = once(child, 'exit');
  exited.catch(() => undefined);
  const addresses = await Promise.race([
    firstLine(child.stdout).then(readAddresses),
    exited.then(([code]) => fail(`${binary} demo ended with ${code} before it was ready`, log)),
    after(START_LIMIT_MS).then(() => fail(`${binary} demo was not ready within ${START_LIMIT_MS} ms`, log)),
  ]).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  return { addresses, stop: () => stop(child, exited) };
}

/** @param {import('node:child_process').ChildProcess} child @param {Promise<unknown>} exited */
async function stop(child, exited) {
  child.kill('SIGTERM');
  const stopped = await Promise.race([exited.then(() => true), after(STOP_LIMIT_MS).then(() => false)]);
  if (stopped) return;
  child.kill('SIGKILL');
  throw new Error(`admitone demo did not end within ${STOP_LIMIT_MS} ms of SIGTERM`);
}

/** @param {import('node:stream').Readable} stream @returns {() => string} */
function collect(stream) {
  let text = '';
  stream.setEncoding('utf8').on('data', (part) => {
    text = (text + part).slice(-8_000);
  });
  return () => text;
}

/** @param {import('node:stream').Readable} stream @returns {Promise<string>} */
async function firstLine(stream) {
  const [line] = await once(createInterface({ input: stream }), 'line');
  return line;
}

/** @param {string} line @returns {Addresses} */
function readAddresses(line) {
  const addresses = JSON.parse(line);
  for (const part of ['page', 'gateway', 'issuer', 'upstream', 'admin']) {
    if (!URL.canParse(addresses[part]))
      throw new Error(`the demo's first line has no URL as "${part}": ${line}`);
  }
  return addresses;
}

/** @param {string} message @param {() => string} log @returns {never} */
function fail(message, log) {
  throw new Error(`${message}; its log:\n${log()}`);
}

/** @param {number} ms */
function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
