// The Auth0 Action of the examples, run as Auth0 runs it, against a real Curfew: its claim makes a fresh token honoured in
// the very second of the logout, and no login hangs on Curfew.

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import action from '../../../examples/auth0-action/action.js';
import { millis, startCurfew } from '../oidc/curfew.mjs';

const ISSUER = 'https://acme.eu.auth0.example/';
const AUDIENCE = 'https://api.acme.example';
const CLAIM = 'https://acme.example/last_logout';
const SECRET = 'what the Action and Curfew know';
// Auth0's user ids have a character that a URL must not.
const USER = 'auth0|5f7c8ec7c33c6c004bbafe82';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let curfew;

before(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'curfew-e2e-'));
  const keys = join(directory, 'key.pem');
  writeFileSync(keys, publicKey.export({ type: 'spki', format: 'pem' }));
  curfew = await startCurfew({
    desk: true,
    directory,
    issuers: [{
      name: 'acme',
      issuer: ISSUER,
      audiences: [AUDIENCE],
      algorithms: ['ES256'],
      keys: { pem_file: keys },
      last_logout_claim: CLAIM,
    }],
  });
});
after(() => curfew?.stop());

// Runs the Action for a login. Returns the claims that it set, and the reason if it denied the login.
async function logIn({ user = USER, client = 'web', ...secrets } = {}) {
  const came = { claims: {}, denied: undefined };
  const event = {
    user: { user_id: user },
    client: { client_id: client },
    secrets: { CURFEW_URL: curfew.desk, CURFEW_SECRET: SECRET, CURFEW_ISSUER: 'acme', CURFEW_CLAIM: CLAIM, ...secrets },
  };
  const api = {
    accessToken: { setCustomClaim: (name, value) => { came.claims[name] = value; } },
    access: { deny: (reason) => { came.denied = reason; } },
  };
  await action.onExecutePostLogin(event, api);
  return came;
}

// The access token that Auth0 would then issue.
function tokenWith(claims, { user = USER, client = 'web', iat = Math.floor(Date.now() / 1000) } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payload = { iss: ISSUER, sub: user, aud: AUDIENCE, azp: client, iat, exp: iat + 3600, ...claims };
  const signed = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(payload)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

const subject = (user) => ({ issuer: 'acme', subject: user });

// A server that answers as the test says, and what it was asked.
async function standIn(t, answer) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url, authorization: request.headers.authorization });
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

test('somebody who never logged out has the claim null, and it is set', async () => {
  const { claims, denied } = await logIn({ user: 'auth0|never' });
  assert.deepEqual({ claims, denied }, { claims: { [CLAIM]: null }, denied: undefined });
  const token = tokenWith(claims, { user: 'auth0|never' });
  assert.equal(await curfew.verdict(token), 'VERDICT_VALID');

  // And with it, the first logout refuses that token, in its own second too.
  await curfew.recordLogout({ subject: subject('auth0|never') });
  assert.equal(await curfew.verdict(token), 'VERDICT_SUBJECT_LOGGED_OUT');
});

test('the claim is the last logout, to the millisecond, and a login in its very second is honoured', async () => {
  const old = tokenWith((await logIn()).claims);
  const { logout } = await curfew.recordLogout({ token: old, reason: 'LOGOUT_REASON_USER_LOGOUT' });
  // Auth0's clock says the second in which the logout was.
  const iat = logout.logoutTime.seconds;

  const { claims, denied } = await logIn();

  assert.equal(denied, undefined);
  assert.equal(Date.parse(claims[CLAIM]), millis(logout.logoutTime));
  const fresh = await curfew.validate(tokenWith(claims, { iat }));
  assert.equal(fresh.verdict, 'VERDICT_VALID', fresh.detail);
  assert.equal(await curfew.verdict(old), 'VERDICT_SUBJECT_LOGGED_OUT');
  // Without the Action, such a login would be refused.
  assert.equal(await curfew.verdict(tokenWith({}, { iat })), 'VERDICT_SUBJECT_LOGGED_OUT');
  // And a second later, it would not.
  assert.equal(await curfew.verdict(tokenWith({}, { iat: iat + 1 })), 'VERDICT_VALID');
});

test('a logout at one application counts for logins at that one', async () => {
  const user = 'auth0|two-applications';
  await curfew.recordLogout({ subject: { ...subject(user), clientId: 'web' } });
  assert.equal((await logIn({ user, client: 'other' })).claims[CLAIM], null);
  const { claims } = await logIn({ user, client: 'web' });
  assert.equal(typeof claims[CLAIM], 'string');
  assert.equal(await curfew.verdict(tokenWith(claims, { user, client: 'web' })), 'VERDICT_VALID');
});

test('Curfew is asked with the secret, for this user at this application', async (t) => {
  const { url, asked } = await standIn(t, (response) => response.end('{"claimValue": 1700000000.5}'));
  const { claims } = await logIn({ CURFEW_URL: url });
  assert.equal(claims[CLAIM], 1700000000.5, 'as it is');
  const [{ url: path, authorization }] = asked;
  assert.equal(authorization, `Bearer ${SECRET}`);
  const { pathname, searchParams } = new URL(path, url);
  assert.equal(pathname, '/v1/last-logout');
  assert.deepEqual(Object.fromEntries(searchParams), { issuer: 'acme', subject: USER, client_id: 'web' });
});

const answered = (status, body) => (response) => response.writeHead(status).end(body);

for (const [trouble, answer] of [
  ['answers 503', answered(503, '{}')],
  ['answers 400, for the issuer is not configured', answered(400, '{"claimValue": null}')],
  ['answers something else', answered(200, '<html>')],
  ['answers without a claim', answered(200, '{"revision": "1"}')],
  ['sends the Action elsewhere', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ['hangs up', (response) => response.destroy()],
  ['does not answer', () => {}],
  ['does not finish', (response) => response.writeHead(200).write('{"claimValue":')],
]) {
  test(`when Curfew ${trouble}, the login goes on without the claim, or is denied if that was asked for`, async (t) => {
    const { url } = await standIn(t, answer);
    const begun = Date.now();
    const [open, closed] = await Promise.all([
      logIn({ CURFEW_URL: url }),
      logIn({ CURFEW_URL: url, CURFEW_REQUIRED: 'true' }),
    ]);
    assert.deepEqual(open, { claims: {}, denied: undefined });
    assert.deepEqual(closed.claims, {});
    assert.match(closed.denied, /try again/);
    assert.ok(Date.now() - begun < 4000, 'nobody waits long');
  });
}

test('an issuer that Curfew does not know gets no claim', async () => {
  assert.deepEqual(await logIn({ CURFEW_ISSUER: 'nobody' }), { claims: {}, denied: undefined });
});

test('a token without the claim is still refused once its user has logged out', async () => {
  const user = 'auth0|without';
  const token = tokenWith({}, { user });
  assert.equal(await curfew.verdict(token), 'VERDICT_VALID');
  await curfew.recordLogout({ subject: subject(user) });
  assert.equal(await curfew.verdict(token), 'VERDICT_SUBJECT_LOGGED_OUT');
});
