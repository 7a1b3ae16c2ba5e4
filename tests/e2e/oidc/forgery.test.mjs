// Tokens that nobody should honour: altered, unsigned, or meant for somebody else. And none of them logs anyone out.

import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { after, before, test } from 'node:test';

import grpc from '@grpc/grpc-js';

import { claimsOf, headerOf, logIn } from './app.mjs';
import { Browser } from './browser.mjs';
import { AUDIENCE, LAST_LOGOUT_CLAIM, OTHER_AUDIENCE, newKey } from './provider.mjs';
import { startSetting } from './setting.mjs';

let setting;
let op;
let curfew;

before(async () => {
  setting = await startSetting();
  ({ op, curfew } = setting);
});
after(() => setting?.stop());

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// The token with another payload under the same signature.
function withClaims(token, changes) {
  const [header, , signature] = token.split('.');
  return [header, encoded({ ...claimsOf(token), ...changes }), signature].join('.');
}

function unsigned(token) {
  const { kid, typ } = headerOf(token);
  return [encoded({ alg: 'none', kid, typ }), token.split('.')[1], ''].join('.');
}

// Signed with the provider's public key, which everybody has, as if it were a shared secret.
function signedWithPublicKey(token) {
  const { kid, typ } = headerOf(token);
  const secret = createPublicKey({ key: op.keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  const message = [encoded({ alg: 'HS256', kid, typ }), token.split('.')[1]].join('.');
  return [message, createHmac('sha256', secret).update(message).digest('base64url')].join('.');
}

// Signed with a key of the forger's own, which the token brings along (RFC 7515, section 4.1.3).
function signedWithOwnKey(token) {
  const key = { ...newKey('RS256'), kid: headerOf(token).kid };
  const { n, e, kty, kid } = key;
  const header = encoded({ ...headerOf(token), jwk: { kty, n, e, kid } });
  const message = [header, token.split('.')[1]].join('.');
  const signature = sign('sha256', message, createPrivateKey({ key, format: 'jwk' })).toString('base64url');
  return [message, signature].join('.');
}

test('a token whose claims were altered is refused', async () => {
  const { accessToken } = await logIn(op, new Browser(), 'mallory');
  const forged = withClaims(accessToken, { sub: 'alice' });
  const answer = await curfew.validate(forged, { includeClaims: true });
  assert.equal(answer.verdict, 'VERDICT_BAD_SIGNATURE', answer.detail);
  assert.equal(answer.valid, false);
  assert.equal(answer.token, null, 'what a forged token says is not passed on');
  assert.equal(answer.claims, null);
});

test('a token whose last-logout claim was altered to be later than every logout is refused', async () => {
  const { accessToken } = await logIn(op, new Browser(), 'mallory');
  const forged = withClaims(accessToken, { [LAST_LOGOUT_CLAIM]: '2999-01-01T00:00:00.000Z' });
  assert.equal(await curfew.verdict(forged), 'VERDICT_BAD_SIGNATURE');
});

test('a token without a signature is refused', async () => {
  const { accessToken } = await logIn(op, new Browser(), 'mallory');
  assert.equal(await curfew.verdict(unsigned(accessToken)), 'VERDICT_ALGORITHM_NOT_ALLOWED');
});

test('a token signed with the public key as a secret is refused', async () => {
  const { accessToken } = await logIn(op, new Browser(), 'mallory');
  assert.equal(await curfew.verdict(signedWithPublicKey(accessToken)), 'VERDICT_ALGORITHM_NOT_ALLOWED');
});

test('a token that brings its own key along is refused', async () => {
  const { accessToken } = await logIn(op, new Browser(), 'mallory');
  assert.equal(await curfew.verdict(signedWithOwnKey(accessToken)), 'VERDICT_BAD_SIGNATURE');
});

test('a token for another audience is refused', async () => {
  const { accessToken } = await logIn(op, new Browser(), 'niaj', { resource: OTHER_AUDIENCE });
  assert.equal(claimsOf(accessToken).aud, OTHER_AUDIENCE);
  const answer = await curfew.validate(accessToken);
  assert.equal(answer.verdict, 'VERDICT_WRONG_AUDIENCE', answer.detail);
});

test('an ID token is refused: it is meant for the app, not for the API', async () => {
  const { idToken } = await logIn(op, new Browser(), 'niaj');
  assert.equal(await curfew.verdict(idToken), 'VERDICT_WRONG_AUDIENCE');
});

test('a caller that stands for another audience refuses a token that is otherwise good', async () => {
  const { accessToken } = await logIn(op, new Browser(), 'niaj');
  assert.equal(await curfew.verdict(accessToken, { audiences: [OTHER_AUDIENCE] }), 'VERDICT_WRONG_AUDIENCE');
  assert.equal(await curfew.verdict(accessToken, { audiences: [OTHER_AUDIENCE, AUDIENCE] }), 'VERDICT_VALID');
});

test('a forged token logs nobody out', async () => {
  const { accessToken: hers } = await logIn(op, new Browser(), 'olivia');
  const { accessToken: mallorys } = await logIn(op, new Browser(), 'mallory');
  const altered = withClaims(mallorys, { sub: 'olivia' });
  for (const token of [altered, unsigned(hers), signedWithPublicKey(hers), signedWithOwnKey(hers)]) {
    await assert.rejects(curfew.recordLogout({ token }), { code: grpc.status.INVALID_ARGUMENT });
  }
  assert.equal(await curfew.verdict(hers), 'VERDICT_VALID');
});
