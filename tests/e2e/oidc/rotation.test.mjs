// Signing keys change while Curfew runs, and the provider goes away.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { headerOf, logIn } from './app.mjs';
import { Browser } from './browser.mjs';
import { startCurfew, until } from './curfew.mjs';
import { newKey, startProvider } from './provider.mjs';
import { issuerEntry } from './setting.mjs';

const ALG = 'ES256';

// One Curfew reads the keys every two seconds. The other does so hourly: what it learns within this test, it learned
// because a token named a key that it had never seen.
const REGULAR = { discovery: true, cooldown: '1s', refresh: '2s' };
const ON_DEMAND = { discovery: true, cooldown: '1s', refresh: '1h' };

let op;
let regular;
let onDemand;

before(async () => {
  op = await startProvider({ alg: ALG });
  regular = await startCurfew({ issuers: [issuerEntry(op, ALG, { keys: REGULAR })] });
  onDemand = await startCurfew({ issuers: [issuerEntry(op, ALG, { keys: ON_DEMAND })] });
  op.lastLogout = regular.lastLogout;
});
after(() => op?.stop());
after(() => regular?.stop());
after(() => onDemand?.stop());

const tokenOf = async (user) => (await logIn(op, new Browser(), user)).accessToken;

// One provider's life, so one test: each step starts where the one before it ended.
test('keys come and go at the provider', async (t) => {
  const [oldKey] = op.keys;
  const key = newKey(ALG);
  const oldToken = await tokenOf('alice');
  let token;

  await t.test('the first key is known', async () => {
    for (const curfew of [regular, onDemand]) assert.equal(await curfew.verdict(oldToken), 'VERDICT_VALID');
  });

  await t.test('a token signed with a key never seen before is honoured: Curfew looks again', async () => {
    op.useKeys([key, oldKey]);
    token = await tokenOf('alice');
    assert.equal(headerOf(token).kid, key.kid, 'the provider signs with the new key');

    // Curfew does not look again before the cool-down since it last did is over.
    await until('the cool-down is over', () => Date.now() - op.keysReadAt > 1000);
    const burst = await Promise.all(Array.from({ length: 20 }, () => onDemand.verdict(token)));
    assert.deepEqual([...new Set(burst)], ['VERDICT_VALID'], 'and not just the first of those that come at once');

    await until('the new key is read', async () => (await regular.verdict(token)) === 'VERDICT_VALID', 5000);
    for (const curfew of [regular, onDemand]) {
      assert.equal(await curfew.verdict(oldToken), 'VERDICT_VALID', 'the old key is still good');
    }
  });

  await t.test('tokens that name keys nobody has do not flood the provider with requests', async () => {
    const [, payload, signature] = token.split('.');
    const strange = () => {
      const header = Buffer.from(JSON.stringify({ ...headerOf(token), kid: randomUUID() })).toString('base64url');
      return [header, payload, signature].join('.');
    };
    const reads = op.keyReads;
    const begun = Date.now();

    const verdicts = await Promise.all(Array.from({ length: 200 }, () => onDemand.verdict(strange())));

    const seconds = (Date.now() - begun) / 1000;
    assert.deepEqual([...new Set(verdicts)], ['VERDICT_UNKNOWN_KEY']);
    // One a second (the cool-down) from this Curfew, one in two from the other, and one each for the fractions.
    const allowed = Math.ceil(seconds) + 1 + Math.ceil(seconds / 2) + 1;
    assert.ok(op.keyReads - reads <= allowed, `${op.keyReads - reads} readings in ${seconds} s`);
    assert.equal(await onDemand.verdict(token), 'VERDICT_VALID', 'and the known keys stay known');
  });

  await t.test('a token of a removed key is refused after the next regular reading', async () => {
    op.useKeys([key]);
    await until('the key is dropped', async () => (await regular.verdict(oldToken)) === 'VERDICT_UNKNOWN_KEY', 10_000);
    assert.equal(await regular.verdict(token), 'VERDICT_VALID');
  });

  await t.test('while the provider cannot be reached, known keys go on working', async () => {
    op.cut();
    await until('Curfew has tried to read the keys, in vain, twice', () => op.dropped >= 2, 15_000);
    for (const curfew of [regular, onDemand]) assert.equal(await curfew.verdict(token), 'VERDICT_VALID');
    assert.equal(await regular.verdict(oldToken), 'VERDICT_UNKNOWN_KEY', 'and a removed key stays removed');
    assert.equal(await regular.health('curfew.v1.RevocationService'), 'SERVING');
  });

  await t.test('with the provider gone altogether, they still do, and logouts too', async () => {
    await op.stop();
    assert.equal(await regular.verdict(token), 'VERDICT_VALID');
    await regular.recordLogout({ token, reason: 'LOGOUT_REASON_USER_LOGOUT' });
    assert.equal(await regular.verdict(token), 'VERDICT_SUBJECT_LOGGED_OUT');
  });
});
