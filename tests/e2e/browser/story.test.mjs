// The story, with nothing left out: a real provider, a real Curfew, the BFF of the examples, and a browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf } from '../oidc/app.mjs';
import { millis, until } from '../oidc/curfew.mjs';
import { CLIENT_ID, LAST_LOGOUT_CLAIM } from '../oidc/provider.mjs';
import { startSetting } from './setting.mjs';

let setting;
let op;
let curfew;
let person;

before(async () => {
  setting = await startSetting();
  ({ op, curfew, person } = setting);
});
after(() => setting?.stop());

// The API, called with a token by somebody who has no session there.
const callWith = async (token) =>
  (await fetch(`${setting.bff.url}/api/me`, { headers: { authorization: `Bearer ${token}` } })).status;

const lastLogout = (subject) => curfew.getLastLogout({ issuer: op.issuer, subject });

// Each step starts where the one before it ended; after one that fails, the others say nothing.
function steps(t) {
  let failed = false;
  return (name, step) => t.test(name, { skip: failed && 'a step before it failed' }, async () => {
    failed = true;
    await step();
    failed = false;
  });
}

test('who logs out at the provider is logged out everywhere, and can log in again at once', async (t) => {
  const step = steps(t);
  const ann = await person('ann');
  const bob = await person('bob');
  let old;
  let bobs;
  let fresh;

  await step('she logs in, and so does somebody else', async () => {
    const login = await ann.logIn();
    assert.deepEqual(login.asked, ['login', 'consent']);
    old = login.token;
    assert.equal(claimsOf(old)[LAST_LOGOUT_CLAIM], null, 'she never logged out, and the token says so');
    bobs = (await bob.logIn()).token;
  });

  await step('no token reaches the browser, and no script reads its cookie', async () => {
    const { httpOnly, sameSite, value } = (await ann.cookies()).find(({ name }) => name === 'session');
    assert.deepEqual({ httpOnly, sameSite }, { httpOnly: true, sameSite: 'Lax' });
    assert.equal(await ann.readableCookies(), '');
    assert.ok(!value.includes(old) && !(await ann.page.content()).includes(old));
  });

  await step('the API honours her', async () => {
    assert.deepEqual(await ann.callApi(), { status: 200, body: { subject: 'ann' } });
    assert.equal(await callWith(old), 200);
    assert.equal(await curfew.verdict(old), 'VERDICT_VALID');
  });

  await step('she logs out at the provider, and the provider tells Curfew', async () => {
    await ann.logOutAtProvider();
    assert.deepEqual(op.logoutsTold, [{ clientId: CLIENT_ID, subject: 'ann' }]);
    assert.equal((await lastLogout('ann')).reason, 'LOGOUT_REASON_PROVIDER_LOGOUT');
  });

  await step('the token that she had is refused: by Curfew, to her page, and to whoever else has it', async () => {
    const answer = await curfew.validate(old);
    assert.equal(answer.verdict, 'VERDICT_SUBJECT_LOGGED_OUT', answer.detail);
    const { status, body } = await ann.callApi();
    assert.deepEqual({ status, ...body }, { status: 401, error: 'invalid_token', verdict: answer.verdict });
    assert.equal(await callWith(old), 401);
    assert.equal(await ann.isKnown(), false, 'the application has forgotten her');
  });

  await step('nobody else is logged out', async () => {
    assert.deepEqual(await bob.callApi(), { status: 200, body: { subject: 'bob' } });
    assert.equal(await curfew.verdict(bobs), 'VERDICT_VALID');
  });

  await step('she logs in again, really, and is honoured', async () => {
    const login = await ann.logIn();
    assert.equal(login.asked[0], 'login', 'her session at the provider is over');
    fresh = login.token;
    const claim = claimsOf(fresh)[LAST_LOGOUT_CLAIM];
    assert.equal(Date.parse(claim), millis((await lastLogout('ann')).lastLogoutTime), 'the token knows of the logout');
    assert.deepEqual(await ann.callApi(), { status: 200, body: { subject: 'ann' } });
    assert.equal(await callWith(fresh), 200);
  });

  await step('the old token stays refused', async () => {
    assert.equal(await callWith(old), 401);
    assert.equal(await curfew.verdict(old), 'VERDICT_SUBJECT_LOGGED_OUT');
    assert.equal(await curfew.verdict(fresh), 'VERDICT_VALID');
  });
});

test('out, in, out, in, as fast as she can: every fresh token is honoured, every old one refused', async (t) => {
  const cleo = await person('cleo');
  let { token: old } = await cleo.logIn();
  for (let round = 1; round <= 4; round += 1) {
    await cleo.logOutAtProvider();
    const answer = await curfew.validate(old);
    assert.equal(answer.verdict, 'VERDICT_SUBJECT_LOGGED_OUT', `round ${round}: ${answer.detail}`);
    assert.equal((await cleo.callApi()).status, 401, `round ${round}`);

    const { token: fresh } = await cleo.logIn();
    assert.equal((await cleo.callApi()).status, 200, `round ${round}`);
    assert.equal(await callWith(old), 401, `round ${round}`);
    // A fast machine is back within the second of the logout. tests/e2e/oidc sees to it that this occurs.
    const { iat, [LAST_LOGOUT_CLAIM]: claim } = claimsOf(fresh);
    t.diagnostic(`logged out at ${claim}, and in at ${new Date(iat * 1000).toISOString()}`);
    old = fresh;
  }
});

test("who presses the application's own button is logged out everywhere, and single sign-on lets her back in", async (t) => {
  const step = steps(t);
  const dora = await person('dora');
  const elsewhere = await person('dora');
  let old;

  await step('she logs in, at two browsers', async () => {
    old = (await dora.logIn()).token;
    await elsewhere.logIn();
    assert.equal((await elsewhere.callApi()).status, 200);
  });

  await step('she logs out with nothing but her own token', async () => {
    assert.equal(await dora.logOut(), 303);
    assert.equal(await dora.isKnown(), false);
    assert.equal((await dora.callApi()).status, 401);
    assert.equal((await lastLogout('dora')).reason, 'LOGOUT_REASON_USER_LOGOUT');
    assert.ok(op.logoutsTold.every(({ subject }) => subject !== 'dora'), 'the provider was not asked');
  });

  await step('her token is refused, and at the other browser too', async () => {
    assert.equal(await curfew.verdict(old), 'VERDICT_SUBJECT_LOGGED_OUT');
    assert.equal(await callWith(old), 401);
    assert.equal((await elsewhere.callApi()).status, 401);
  });

  await step('she is let back in without a question, and honoured', async () => {
    const { asked, token } = await dora.logIn();
    assert.deepEqual(asked, []);
    assert.equal((await dora.callApi()).status, 200);
    assert.equal(await curfew.verdict(token), 'VERDICT_VALID');
    assert.equal(await callWith(old), 401);
  });
});

test('single sign-on at another browser does not undo a logout at the provider: there she has to log in', async (t) => {
  const step = steps(t);
  const emma = await person('emma');
  const elsewhere = await person('emma');

  await step('she logs in at two browsers, and logs out at the provider in one', async () => {
    const { token } = await elsewhere.logIn();
    await emma.logIn();
    // auth_time has whole seconds. In the logout's own second nobody could say which came first.
    const nextSecond = (claimsOf(token).auth_time + 1) * 1000;
    await until('the next second has begun', () => Date.now() >= nextSecond);
    await emma.logOutAtProvider();
    assert.equal((await elsewhere.callApi()).status, 401);
  });

  await step('the other browser is still known to the provider, and is asked for a login all the same', async () => {
    const { asked, tokens } = await elsewhere.logIn();
    assert.equal(tokens.length, 2, 'one by single sign-on, one by the login');
    assert.equal(await curfew.verdict(tokens[0]), 'VERDICT_SUBJECT_LOGGED_OUT');
    assert.equal(asked[0], 'login');
    assert.equal((await elsewhere.callApi()).status, 200);
  });
});

test('while Curfew cannot be asked nobody passes, and nobody is told to be logged out', async (t) => {
  const step = steps(t);
  const fay = await person('fay');
  let token;

  await step('she is honoured', async () => {
    ({ token } = await fay.logIn());
    assert.equal((await fay.callApi()).status, 200);
  });

  await step('then Curfew is out of reach', async () => {
    setting.line.cut();
    assert.deepEqual(await fay.callApi(), { status: 503, body: { error: 'temporarily_unavailable' } });
    assert.equal(await callWith(token), 503);
    assert.equal(await fay.logOut(), 503);
    assert.equal(await fay.isKnown(), true);
  });

  await step('and is back: she is honoured, and now she can log out', async () => {
    setting.line.mend();
    await until('the API answers', async () => (await fay.callApi()).status === 200);
    assert.equal(await fay.logOut(), 303);
    assert.equal(await curfew.verdict(token), 'VERDICT_SUBJECT_LOGGED_OUT');
  });
});

test('a session that somebody else began in her browser is not the one that she logs in to', async () => {
  const begun = await fetch(`${setting.bff.url}/login`, { redirect: 'manual' });
  const [cookie] = begun.headers.getSetCookie()[0].split(';');
  const [name, value] = cookie.split('=');
  const gwen = await person('gwen');
  await gwen.plant(name, decodeURIComponent(value));

  await gwen.logIn();

  assert.equal((await gwen.callApi()).status, 200);
  const planted = await fetch(`${setting.bff.url}/api/me`, { headers: { cookie } });
  assert.equal(planted.status, 401);
});
