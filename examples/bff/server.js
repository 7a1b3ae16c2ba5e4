// Reads the environment, serves, and stops in good order. README.md says what each variable is.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { createApp } from './app.js';
import { connectCurfew } from './curfew.js';
import { discoverProvider } from './login.js';

const { env } = process;

const audience = required('AUDIENCE');
const provider = await discoverProvider(required('ISSUER'), required('CLIENT_ID'), required('CLIENT_SECRET'));
const curfew = connectCurfew(env.CURFEW ?? '127.0.0.1:50051', {
  audience,
  protos: env.CURFEW_PROTOS ?? join(import.meta.dirname, '../../proto'),
});

const server = createServer().listen(Number(env.PORT ?? 3000), env.HOST ?? '127.0.0.1');
await once(server, 'listening');
const baseUrl = env.BASE_URL ?? `http://localhost:${server.address().port}`;
server.on('request', createApp({
  provider,
  curfew,
  baseUrl,
  request: { audience, scope: env.SCOPE ?? 'openid' },
  // Sessions are in memory and end with the process, so that a secret of its own will do. With a shared session store,
  // all processes need the same one.
  sessionSecret: env.SESSION_SECRET ?? randomBytes(32).toString('base64url'),
}));
console.log(`bff: serving ${baseUrl}`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => server.close(() => curfew.close()));
}

function required(name) {
  if (env[name]) return env[name];
  console.error(`bff: the variable ${name} is not set; README.md says what it is`);
  process.exit(2);
}
