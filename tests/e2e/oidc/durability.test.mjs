// What was answered, holds: after a kill, and after an orderly stop.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { logIn } from './app.mjs';
import { Browser } from './browser.mjs';
import { startCurfew } from './curfew.mjs';
import { startProvider } from './provider.mjs';
import { issuerEntry } from './setting.mjs';

let op;

before(async () => {
  op = await startProvider({ alg: 'ES256' });
});
after(() => op?.stop());

const start = async (t, directory) => {
  const curfew = await startCurfew({ issuers: [issuerEntry(op, 'ES256')], directory });
  t.after(() => curfew.kill());
  op.lastLogout = curfew.lastLogout;
  return curfew;
};

for (const [how, end] of [
  ['is killed the moment it answered', (curfew) => curfew.kill()],
  ['is stopped', (curfew) => curfew.stop({ keepStore: true })],
]) {
  test(`a logout still holds when Curfew ${how} and starts again`, async (t) => {
    let curfew = await start(t);
    const browser = new Browser();
    const { accessToken: old } = await logIn(op, browser, 'alice');
    const { accessToken: bystander } = await logIn(op, new Browser(), 'bob');

    const recorded = await curfew.recordLogout({ token: old, reason: 'LOGOUT_REASON_USER_LOGOUT' });
    await end(curfew);
    curfew = await start(t, curfew.directory);

    const answer = await curfew.validate(old, { minRevision: recorded.revision });
    assert.equal(answer.verdict, 'VERDICT_SUBJECT_LOGGED_OUT', answer.detail);
    assert.deepEqual(answer.lastLogoutTime, recorded.logout.logoutTime, 'to the millisecond');
    assert.equal(await curfew.verdict(bystander), 'VERDICT_VALID');

    const { accessToken: fresh } = await logIn(op, browser, 'alice');
    assert.equal(await curfew.verdict(fresh), 'VERDICT_VALID', 'and the user can come back');
    const { revision } = await curfew.recordLogout({ token: fresh, reason: 'LOGOUT_REASON_USER_LOGOUT' });
    assert.ok(revision > recorded.revision, 'revisions go on rising');
    await curfew.stop();
  });
}
