// Starts and stops the real `curfew serve`, and calls it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const binary = resolve(process.env.CURFEW_BIN ?? join(here, '../../../target/debug/curfew'));

const READY_WITHIN = 15_000;
const STOPPED_WITHIN = 15_000;
const ANSWERED_WITHIN = 10_000;

const definition = protoLoader.loadSync(['curfew/v1/revocation.proto', join(here, 'health.proto')], {
  includeDirs: [join(here, '../../../proto')],
  enums: String,
  longs: Number,
  defaults: true,
  oneofs: true,
});
const services = grpc.loadPackageDefinition(definition);

// Whatever happens to a test, no server outlives it.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

// Starts a Curfew with these `[[issuer]]` entries, on a new store or on one that an earlier Curfew left, and waits
// until it is ready.
export async function startCurfew({ issuers, directory = mkdtempSync(join(tmpdir(), 'curfew-e2e-')) }) {
  accessSync(binary, constants.X_OK);
  const config = join(directory, 'curfew.toml');
  writeFileSync(config, configText(issuers, join(directory, 'data')));

  const child = spawn(binary, ['serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const output = { stdout: [], stderr: [] };
  for (const stream of ['stdout', 'stderr']) {
    createInterface({ input: child[stream] }).on('line', (line) => output[stream].push(line));
  }
  const exited = once(child, 'close').finally(() => running.delete(child));
  exited.catch(() => {});

  const curfew = new Curfew(child, exited, output, directory);
  try {
    curfew.connect(await curfew.address());
    await until('Curfew is ready', () => curfew.health('curfew.v1.RevocationService').then((s) => s === 'SERVING'));
    return curfew;
  } catch (error) {
    child.kill('SIGKILL');
    error.message += `\ncurfew said:\n${output.stderr.join('\n')}`;
    throw error;
  }
}

class Curfew {
  #child;
  #exited;
  #output;
  #client;
  #health;

  constructor(child, exited, output, directory) {
    this.#child = child;
    this.#exited = exited;
    this.#output = output;
    this.directory = directory;
  }

  async address() {
    await until('Curfew tells its address', () => this.#output.stdout.length > 0 || this.#child.exitCode !== null);
    assert.equal(this.#child.exitCode, null, 'Curfew ended before it was ready');
    const [, address] = this.#output.stdout[0].match(/^curfew: serving gRPC on (127\.0\.0\.1:\d+)$/) ?? [];
    assert.ok(address, `not the promised line: ${this.#output.stdout[0]}`);
    return address;
  }

  connect(address) {
    const credentials = grpc.credentials.createInsecure();
    this.#client = new services.curfew.v1.RevocationService(address, credentials);
    this.#health = new services.grpc.health.v1.Health(address, credentials);
  }

  health = async (service) => (await call(this.#health, 'Check', { service })).status;

  recordLogout = (request) => call(this.#client, 'RecordLogout', request);

  validate = (token, request = {}) => call(this.#client, 'ValidateToken', { token, ...request });

  verdict = async (token, request) => (await this.validate(token, request)).verdict;

  // What a login action puts into the last-logout claim.
  lastLogout = async (issuer, subject, clientId) => {
    const { claimValue } = await call(this.#client, 'GetLastLogout', { issuer, subject, clientId });
    return fromValue(claimValue);
  };

  // Ends it as an orchestrator does, and holds it to what it promises: exit code 0, one line on stdout, no token in
  // the logs.
  async stop({ keepStore = false } = {}) {
    this.#close();
    this.#child.kill('SIGTERM');
    const [code, signal] = await within(STOPPED_WITHIN, 'Curfew stops', this.#exited)
      .finally(() => this.#child.kill('SIGKILL'));
    const { stdout, stderr } = this.#output;
    if (!keepStore) rmSync(this.directory, { recursive: true, force: true });
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr.join('\n'));
    assert.equal(stdout.length, 1, `more than the promised line on stdout: ${stdout.join('\n')}`);
    assert.ok(!stderr.some((line) => line.includes('eyJ')), 'a token was written to the logs');
  }

  // Ends it with no warning; one that has ended already is left alone.
  async kill() {
    this.#child.kill('SIGKILL');
    await within(STOPPED_WITHIN, 'Curfew is killed', this.#exited);
    this.#close();
  }

  #close() {
    this.#client?.close();
    this.#health?.close();
  }
}

// The instant of a google.protobuf.Timestamp, in milliseconds.
export function millis({ seconds, nanos }) {
  return seconds * 1000 + nanos / 1e6;
}

// Waits until the check holds, at most so many milliseconds.
export async function until(what, check, deadline = READY_WITHIN) {
  const end = Date.now() + deadline;
  let last;
  do {
    try {
      last = await check();
      if (last === true) return;
    } catch (error) {
      last = error;
    }
    await delay(20);
  } while (Date.now() < end);
  throw new Error(`not within ${deadline} ms: ${what} (at last: ${last})`);
}

// The JavaScript value of a google.protobuf.Value. A kind that no claim has is an error, not undefined: an undefined
// claim would silently be left out of the token.
export function fromValue(value) {
  switch (value?.kind) {
    case 'nullValue': return null;
    case 'stringValue': return value.stringValue;
    case 'numberValue': return value.numberValue;
    default: throw new TypeError(`not a claim value: ${JSON.stringify(value)}`);
  }
}

function configText(issuers, store) {
  const lines = ['[grpc]', 'listen = "127.0.0.1:0"', '[store]', `path = ${toml(store)}`];
  for (const issuer of issuers) {
    lines.push('[[issuer]]', ...Object.entries(issuer).map(([key, value]) => `${key} = ${toml(value)}`));
  }
  return `${lines.join('\n')}\n`;
}

// JSON's strings, booleans and arrays are TOML's as well; only tables are not.
function toml(value) {
  if (typeof value !== 'object' || Array.isArray(value)) return JSON.stringify(value);
  return `{ ${Object.entries(value).map(([key, v]) => `${key} = ${toml(v)}`).join(', ')} }`;
}

function call(client, method, request) {
  return new Promise((done, reject) => {
    client[method](request, { deadline: Date.now() + ANSWERED_WITHIN }, (error, response) => {
      if (error) reject(error);
      else done(response);
    });
  });
}

async function within(deadline, what, promise) {
  const abort = new AbortController();
  const late = delay(deadline, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`not within ${deadline} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
    late.catch(() => {});
  }
}
