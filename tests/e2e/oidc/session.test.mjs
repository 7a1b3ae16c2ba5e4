// Logging out of one session: where tokens carry a session id, and where they do not.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import grpc from '@grpc/grpc-js';

import { claimsOf, logIn, refresh } from './app.mjs';
import { Browser } from './browser.mjs';
import { startCurfew } from './curfew.mjs';
import { issuerEntry, startSetting } from './setting.mjs';

let setting;
let op;
// `curfew` is told that this provider's tokens carry a session id, `plain` is not.
let curfew;
let plain;

before(async () => {
  setting = await startSetting();
  ({ op, curfew: plain } = setting);
  curfew = await startCurfew({ issuers: [issuerEntry(op, 'RS256', { session_claim: 'sid' })] });
  op.lastLogout = curfew.lastLogout;
});
after(() => setting?.stop());
after(() => curfew?.stop());

// One user, two browsers, two sessions.
async function twoSessions(user) {
  const laptop = await logIn(op, new Browser(), user, { offline: true });
  const phone = await logIn(op, new Browser(), user, { offline: true });
  assert.notEqual(claimsOf(laptop.accessToken).sid, claimsOf(phone.accessToken).sid);
  return { laptop, phone };
}

test('the session id is told with the verdict', async () => {
  const { laptop } = await twoSessions('alice');
  const { token } = await curfew.validate(laptop.accessToken);
  assert.equal(token.sessionId, claimsOf(laptop.accessToken).sid);
});

test('a logout of a session ends that session, and no other of the same user', async () => {
  const { laptop, phone } = await twoSessions('bob');

  await curfew.recordLogout({
    session: { issuer: op.issuer, sessionId: claimsOf(laptop.accessToken).sid },
    reason: 'LOGOUT_REASON_PROVIDER_LOGOUT',
  });

  assert.equal(await curfew.verdict(laptop.accessToken), 'VERDICT_SESSION_LOGGED_OUT');
  assert.equal(await curfew.verdict(phone.accessToken), 'VERDICT_VALID');
});

test("a session's logout names its subject as well, and still ends that session only", async () => {
  const { laptop, phone } = await twoSessions('carol');
  await curfew.recordLogout({
    session: { issuer: op.issuer, sessionId: claimsOf(laptop.accessToken).sid, subject: 'carol' },
    reason: 'LOGOUT_REASON_PROVIDER_LOGOUT',
  });
  assert.equal(await curfew.verdict(laptop.accessToken), 'VERDICT_SESSION_LOGGED_OUT');
  assert.equal(await curfew.verdict(phone.accessToken), 'VERDICT_VALID');
});

test('a user can end her session with her own token; refreshing in it gets nothing that is honoured', async () => {
  const { laptop, phone } = await twoSessions('dave');

  const { logout } = await curfew.recordLogout({
    token: laptop.accessToken,
    tokenScope: 'TOKEN_SCOPE_SESSION',
    reason: 'LOGOUT_REASON_USER_LOGOUT',
  });

  assert.equal(logout.session.sessionId, claimsOf(laptop.accessToken).sid);
  const { accessToken: laptopAgain } = await refresh(op, laptop.refreshToken);
  const { accessToken: phoneAgain } = await refresh(op, phone.refreshToken);
  assert.equal(await curfew.verdict(laptopAgain), 'VERDICT_SESSION_LOGGED_OUT');
  assert.equal(await curfew.verdict(phoneAgain), 'VERDICT_VALID');
});

test('a user can end a single token with it; the session goes on', async () => {
  const { laptop } = await twoSessions('erin');
  await curfew.recordLogout({ token: laptop.accessToken, tokenScope: 'TOKEN_SCOPE_TOKEN' });
  const { accessToken: next } = await refresh(op, laptop.refreshToken);
  assert.equal(await curfew.verdict(laptop.accessToken), 'VERDICT_TOKEN_REVOKED');
  assert.equal(await curfew.verdict(next), 'VERDICT_VALID');
});

test('with no session id declared, the logout of a session alone is refused, for it would stop nothing', async () => {
  const { laptop } = await twoSessions('frank');
  const session = { issuer: op.issuer, sessionId: claimsOf(laptop.accessToken).sid };
  await assert.rejects(plain.recordLogout({ session }), { code: grpc.status.FAILED_PRECONDITION });
  assert.equal(await plain.verdict(laptop.accessToken), 'VERDICT_VALID');
});

test('with no session id declared, the logout of a session and its subject ends all of the subject', async () => {
  const { laptop, phone } = await twoSessions('grace');
  await plain.recordLogout({
    session: { issuer: op.issuer, sessionId: claimsOf(laptop.accessToken).sid, subject: 'grace' },
  });
  assert.equal(await plain.verdict(laptop.accessToken), 'VERDICT_SUBJECT_LOGGED_OUT');
  assert.equal(await plain.verdict(phone.accessToken), 'VERDICT_SUBJECT_LOGGED_OUT');
});
