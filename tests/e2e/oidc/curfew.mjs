// Starts and stops the real `curfew serve`, and calls it.

import assert from 'node:assert/strict';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

import { startProgram } from './program.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const binary = resolve(process.env.CURFEW_BIN ?? join(here, '../../../target/debug/curfew'));

const READY_WITHIN = 15_000;
const ANSWERED_WITHIN = 10_000;

const definition = protoLoader.loadSync(['curfew/v1/revocation.proto', join(here, 'health.proto')], {
  includeDirs: [join(here, '../../../proto')],
  enums: String,
  longs: Number,
  defaults: true,
  oneofs: true,
});
const services = grpc.loadPackageDefinition(definition);

// Starts a Curfew with these `[[issuer]]` entries, on a new store or on one that an earlier Curfew left, and waits
// until it is ready. With `desk`, its front desk is open: `curfew.desk` is its address.
export async function startCurfew({ issuers, desk = false, directory = mkdtempSync(join(tmpdir(), 'curfew-e2e-')) }) {
  accessSync(binary, constants.X_OK);
  const config = join(directory, 'curfew.toml');
  writeFileSync(config, configText(issuers, join(directory, 'data'), desk));

  const program = startProgram(binary, ['serve', '--config', config]);
  const curfew = new Curfew(program, directory);
  try {
    await curfew.connect(desk ? ['gRPC', 'HTTP'] : ['gRPC']);
    await until('Curfew is ready', () => curfew.health('curfew.v1.RevocationService').then((s) => s === 'SERVING'));
    return curfew;
  } catch (error) {
    program.child.kill('SIGKILL');
    error.message += `\ncurfew said:\n${program.stderr.join('\n')}`;
    throw error;
  }
}

class Curfew {
  #program;
  // What it promised to say on stdout, and said.
  #told = [];
  #client;
  #health;

  constructor(program, directory) {
    this.#program = program;
    this.directory = directory;
  }

  // Reads the addresses at which it serves these protocols.
  async connect(protocols) {
    const { child, stdout } = this.#program;
    await until('Curfew tells its addresses', () => stdout.length >= protocols.length || child.exitCode !== null);
    assert.equal(child.exitCode, null, 'Curfew ended before it was ready');
    const [grpcAddress, httpAddress] = protocols.map((protocol, line) => {
      const [, address] = stdout[line].match(`^curfew: serving ${protocol} on (127\\.0\\.0\\.1:\\d+)$`) ?? [];
      assert.ok(address, `not the promised line: ${stdout[line]}`);
      return address;
    });
    this.#told = protocols;
    this.address = grpcAddress;
    this.desk = httpAddress && `http://${httpAddress}`;
    const credentials = grpc.credentials.createInsecure();
    this.#client = new services.curfew.v1.RevocationService(grpcAddress, credentials);
    this.#health = new services.grpc.health.v1.Health(grpcAddress, credentials);
  }

  health = async (service) => (await call(this.#health, 'Check', { service })).status;

  recordLogout = (request) => call(this.#client, 'RecordLogout', request);

  validate = (token, request = {}) => call(this.#client, 'ValidateToken', { token, ...request });

  verdict = async (token, request) => (await this.validate(token, request)).verdict;

  getLastLogout = (request) => call(this.#client, 'GetLastLogout', request);

  // What a login action puts into the last-logout claim.
  lastLogout = async (issuer, subject, clientId) =>
    fromValue((await this.getLastLogout({ issuer, subject, clientId })).claimValue);

  // Ends it as an orchestrator does, and holds it to what it promises: exit code 0, its addresses on stdout and nothing
  // else, no token in the logs.
  async stop({ keepStore = false } = {}) {
    this.#close();
    const { code, signal } = await this.#program.stop();
    const { stdout, stderr } = this.#program;
    if (!keepStore) rmSync(this.directory, { recursive: true, force: true });
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr.join('\n'));
    assert.equal(stdout.length, this.#told.length, `more than the promised lines on stdout: ${stdout.join('\n')}`);
    assert.ok(!stderr.some((line) => line.includes('eyJ')), 'a token was written to the logs');
  }

  // Ends it with no warning; one that has ended already is left alone.
  async kill() {
    await this.#program.kill();
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

function configText(issuers, store, desk) {
  const lines = ['[grpc]', 'listen = "127.0.0.1:0"', '[store]', `path = ${toml(store)}`];
  if (desk) lines.push('[http]', 'listen = "127.0.0.1:0"');
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
