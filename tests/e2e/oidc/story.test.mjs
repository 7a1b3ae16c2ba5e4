// The whole story with a real OpenID provider: login, check, logout, refused, log in again, honoured.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf, logIn, logOut, refresh } from './app.mjs';
import { Browser } from './browser.mjs';
import { millis, until } from './curfew.mjs';
import { CLIENT_ID, LAST_LOGOUT_CLAIM } from './provider.mjs';
import { startSetting } from './setting.mjs';

let setting;
let op;
let curfew;

before(async () => {
  setting = await startSetting();
  ({ op, curfew } = setting);
});
after(() => setting?.stop());

const userLogout = (token) => curfew.recordLogout({ token, reason: 'LOGOUT_REASON_USER_LOGOUT' });

// Ends the session at the provider and tells Curfew so.
async function providerLogout(browser, user, idToken) {
  await logOut(op, browser, idToken);
  return curfew.recordLogout({
    subject: { issuer: op.issuer, subject: user },
    reason: 'LOGOUT_REASON_PROVIDER_LOGOUT',
  });
}

test('the token of a user who logged in is honoured, and Curfew tells whose it is', async () => {
  const { accessToken, asked } = await logIn(op, new Browser(), 'alice');
  assert.deepEqual(asked, ['login', 'consent'], 'a real login');
  const claims = claimsOf(accessToken);
  assert.equal(claims[LAST_LOGOUT_CLAIM], null, 'she never logged out, and the token says so');

  const answer = await curfew.validate(accessToken);

  assert.equal(answer.verdict, 'VERDICT_VALID', answer.detail);
  assert.equal(answer.valid, true);
  assert.equal(answer.token.issuer, op.issuer);
  assert.equal(answer.token.subject, 'alice');
  assert.equal(answer.token.clientId, CLIENT_ID);
  assert.equal(answer.token.jti, claims.jti);
  assert.equal(millis(answer.token.issueTime), claims.iat * 1000);
  assert.equal(millis(answer.token.expireTime), claims.exp * 1000);
  assert.equal(answer.lastLogoutTime, null);
  assert.equal(answer.claims, null, 'claims were not asked for');
});

test('the claims come back when they are asked for', async () => {
  const { accessToken } = await logIn(op, new Browser(), 'carol');
  const { claims } = await curfew.validate(accessToken, { includeClaims: true });
  assert.equal(claims.fields.sub.stringValue, 'carol');
  assert.equal(claims.fields[LAST_LOGOUT_CLAIM].kind, 'nullValue');
});

test("a logout recorded with the user's own token refuses that token from the answer on", async () => {
  const { accessToken } = await logIn(op, new Browser(), 'dave');
  assert.equal(await curfew.verdict(accessToken), 'VERDICT_VALID');

  const { logout, revision, advanced } = await userLogout(accessToken);
  const answer = await curfew.validate(accessToken);

  assert.equal(advanced, true);
  assert.equal(logout.subject.subject, 'dave');
  assert.equal(logout.live, true);
  assert.equal(logout.reauthenticateAfterTime, null, "an app's own logout leaves the authentication alone");
  assert.equal(answer.verdict, 'VERDICT_SUBJECT_LOGGED_OUT', answer.detail);
  assert.equal(answer.valid, false);
  assert.deepEqual(answer.lastLogoutTime, logout.logoutTime);
  assert.ok(answer.revision >= revision);
});

test('a user who logs straight back in is honoured and the old token is not, in the same second too', async () => {
  const browser = new Browser();
  let { accessToken: old } = await logIn(op, browser, 'erin');
  let sameSecond = 0;

  for (let round = 1; round <= 10; round += 1) {
    const { logout } = await userLogout(old);
    const { accessToken: fresh, asked } = await logIn(op, browser, 'erin');

    assert.deepEqual(asked, [], 'single sign-on lets her straight back in');
    const claims = claimsOf(fresh);
    assert.equal(Date.parse(claims[LAST_LOGOUT_CLAIM]), millis(logout.logoutTime), 'the claim is exact');
    const answer = await curfew.validate(fresh);
    assert.equal(answer.verdict, 'VERDICT_VALID', `round ${round}: ${answer.detail}`);
    assert.equal(await curfew.verdict(old), 'VERDICT_SUBJECT_LOGGED_OUT', `round ${round}`);

    if (claims.iat === logout.logoutTime.seconds) sameSecond += 1;
    old = fresh;
  }
  assert.ok(sameSecond > 0, 'the case that this test is about did not occur');
});

test("after an app's own logout, the refresh token still gets tokens that are honoured", async () => {
  const { accessToken, refreshToken } = await logIn(op, new Browser(), 'frank', { offline: true });
  await userLogout(accessToken);
  const { accessToken: fresh } = await refresh(op, refreshToken);
  assert.equal(await curfew.verdict(fresh), 'VERDICT_VALID');
});

test("after the provider's logout, a refreshed token is refused until the user has authenticated again", async () => {
  const browser = new Browser();
  const { accessToken, idToken, refreshToken } = await logIn(op, browser, 'grace', { offline: true });
  // auth_time has whole seconds. Were the logout in the same one, which came first could not be told from it, and the
  // claim would decide: so the logout waits until the next second has begun.
  const nextSecond = (claimsOf(accessToken).auth_time + 1) * 1000;
  await until('the next second has begun', () => Date.now() >= nextSecond);

  const { logout } = await providerLogout(browser, 'grace', idToken);
  const refreshed = await refresh(op, refreshToken);

  assert.deepEqual(logout.reauthenticateAfterTime, logout.logoutTime, "a provider's logout ends the authentication");
  const claims = claimsOf(refreshed.accessToken);
  assert.equal(Date.parse(claims[LAST_LOGOUT_CLAIM]), millis(logout.logoutTime), 'the provider knew of the logout');
  assert.equal(claims.auth_time, claimsOf(accessToken).auth_time, 'but nobody authenticated since');
  const answer = await curfew.validate(refreshed.accessToken);
  assert.equal(answer.verdict, 'VERDICT_SUBJECT_LOGGED_OUT', answer.detail);

  const again = await logIn(op, browser, 'grace');
  assert.equal(again.asked[0], 'login', 'the session is over: a real authentication');
  const answerAgain = await curfew.validate(again.accessToken);
  assert.equal(answerAgain.verdict, 'VERDICT_VALID', answerAgain.detail);
  assert.equal(await curfew.verdict(refreshed.accessToken), 'VERDICT_SUBJECT_LOGGED_OUT');
});

test("a user who authenticates right after the provider's logout is honoured, in the same second too", async () => {
  const browser = new Browser();
  let tokens = await logIn(op, browser, 'heidi');
  let sameSecond = 0;

  for (let round = 1; round <= 10; round += 1) {
    const { logout } = await providerLogout(browser, 'heidi', tokens.idToken);
    const old = tokens.accessToken;
    tokens = await logIn(op, browser, 'heidi');

    const answer = await curfew.validate(tokens.accessToken);
    assert.equal(answer.verdict, 'VERDICT_VALID', `round ${round}: ${answer.detail}`);
    assert.equal(await curfew.verdict(old), 'VERDICT_SUBJECT_LOGGED_OUT', `round ${round}`);
    if (claimsOf(tokens.accessToken).auth_time === logout.logoutTime.seconds) sameSecond += 1;
  }
  assert.ok(sameSecond > 0, 'the case that this test is about did not occur');
});

test("one user's logout leaves another user alone", async () => {
  const { accessToken: ivan } = await logIn(op, new Browser(), 'ivan');
  const { accessToken: judy } = await logIn(op, new Browser(), 'judy');
  await userLogout(ivan);
  assert.equal(await curfew.verdict(ivan), 'VERDICT_SUBJECT_LOGGED_OUT');
  assert.equal(await curfew.verdict(judy), 'VERDICT_VALID');
});
