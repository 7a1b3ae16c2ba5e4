// What the BFF of the examples makes of requests that no page of its own sends. No browser is needed for that.

import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { after, before, test } from 'node:test';

import { AUDIENCE, OTHER_AUDIENCE } from '../oidc/provider.mjs';
import { startSetting } from './setting.mjs';

let setting;

before(async () => {
  setting = await startSetting();
});
after(() => setting?.stop());

const send = (path, headers = {}, method = 'GET') =>
  fetch(`${setting.bff.url}${path}`, { method, headers, redirect: 'manual' });

// A token that the provider would issue.
function tokenFor(audience) {
  const { issuer, keys: [key] } = setting.op;
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: 'ann', aud: audience, iat, exp: iat + 600 };
  const signed = `${part({ alg: 'RS256', kid: key.kid, typ: 'at+jwt' })}.${part(claims)}`;
  return `${signed}.${sign('sha256', signed, createPrivateKey({ key, format: 'jwk' })).toString('base64url')}`;
}

const withToken = async (token) => (await send('/api/me', { authorization: `Bearer ${token}` })).status;

// Begins a login, and returns the cookie of its session.
async function begin() {
  const answer = await send('/login');
  assert.equal(answer.status, 302);
  return answer.headers.getSetCookie()[0].split(';')[0];
}

test('the API wants a token, a good one, and one that is meant for it', async () => {
  const without = await send('/api/me');
  assert.equal(without.status, 401);
  assert.equal(without.headers.get('www-authenticate'), 'Bearer');

  assert.equal(await withToken(tokenFor(AUDIENCE)), 200);
  assert.equal(await setting.curfew.verdict(tokenFor(OTHER_AUDIENCE)), 'VERDICT_VALID');
  assert.equal(await withToken(tokenFor(OTHER_AUDIENCE)), 401);
  for (const bad of ['rubbish', 'a.b.c', `${tokenFor(AUDIENCE)}x`]) assert.equal(await withToken(bad), 401, bad);
  assert.equal((await send('/api/me', { authorization: 'Bearer two words' })).status, 401);
});

test('an answer that was not asked for logs nobody in', async () => {
  const stranger = await send('/callback?code=c&state=s');
  assert.deepEqual([stranger.status, stranger.headers.get('location')], [302, '/']);

  const wrong = await send('/callback?code=c&state=another', { cookie: await begin() });
  assert.equal(wrong.status, 403);
  const error = `/callback?error=access_denied&iss=${encodeURIComponent(setting.op.issuer)}`;
  assert.equal((await send(error, { cookie: await begin() })).status, 403);
});

test("another site's page cannot log anybody out", async () => {
  for (const from of ['cross-site', 'same-site']) {
    assert.equal((await send('/logout', { 'sec-fetch-site': from }, 'POST')).status, 403, from);
  }
  assert.equal((await send('/logout', { 'sec-fetch-site': 'same-origin' }, 'POST')).status, 303);
});

test('nothing is kept by browsers, framed, or told of what it runs on', async () => {
  const { headers } = await send('/');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.match(headers.get('content-security-policy'), /frame-ancestors 'none'/);
  assert.equal(headers.get('x-powered-by'), null);
});
