// Where logout tokens name the session and access tokens carry it, a logout at the provider ends that session alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf } from '../oidc/app.mjs';
import { startSetting } from './setting.mjs';

let setting;

before(async () => {
  setting = await startSetting({ session: true });
});
after(() => setting?.stop());

test('who logs out at one browser stays logged in at the other, and can log in again', async () => {
  const { curfew, op, person } = setting;
  const laptop = await person('gina');
  const phone = await person('gina');
  const { token: old } = await laptop.logIn();
  const { token: other } = await phone.logIn();
  assert.notEqual(claimsOf(old).sid, claimsOf(other).sid);

  await laptop.logOutAtProvider();
  assert.deepEqual(op.logoutsTold.map(({ error }) => error), [undefined]);
  assert.equal(await curfew.verdict(old), 'VERDICT_SESSION_LOGGED_OUT');
  assert.equal((await laptop.callApi()).status, 401);
  assert.equal((await phone.callApi()).status, 200);
  assert.equal(await curfew.verdict(other), 'VERDICT_VALID');

  const { asked } = await laptop.logIn();
  assert.equal(asked[0], 'login');
  assert.equal((await laptop.callApi()).status, 200);
  assert.equal(await curfew.verdict(old), 'VERDICT_SESSION_LOGGED_OUT');
});
