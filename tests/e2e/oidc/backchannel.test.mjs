// The provider itself tells Curfew of logouts at its page: OpenID Connect Back-Channel Logout. (How this looks to a person
// at a browser is in ../browser.)

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf, logIn, logOut } from './app.mjs';
import { Browser } from './browser.mjs';
import { millis, startCurfew } from './curfew.mjs';
import { CLIENT_ID, POST_LOGOUT_URI, REDIRECT_URI, startProvider } from './provider.mjs';
import { issuerEntry } from './setting.mjs';

let op;
let curfew;

before(async () => {
  op = await startProvider();
  const backchannel = { client_ids: [CLIENT_ID], strict_type: true };
  curfew = await startCurfew({ desk: true, issuers: [issuerEntry(op, 'RS256', { backchannel_logout: backchannel })] });
  op.lastLogout = curfew.lastLogout;
  op.useClient({
    redirect_uris: [REDIRECT_URI],
    post_logout_redirect_uris: [POST_LOGOUT_URI],
    backchannel_logout_uri: `${curfew.desk}/backchannel-logout`,
  });
});
after(() => op?.stop());
after(() => curfew?.stop());

const lastLogout = (subject) => curfew.getLastLogout({ issuer: op.issuer, subject });

test('when the page says that the user is signed out, her token is refused, and nobody else is', async () => {
  const browser = new Browser();
  const { accessToken, idToken } = await logIn(op, browser, 'alice');
  const { accessToken: bystander } = await logIn(op, new Browser(), 'bob');
  assert.equal(await curfew.verdict(accessToken), 'VERDICT_VALID');

  await logOut(op, browser, idToken);

  assert.deepEqual(op.logoutsTold, [{ clientId: CLIENT_ID, subject: 'alice' }]);
  assert.equal(await curfew.verdict(accessToken), 'VERDICT_SUBJECT_LOGGED_OUT');
  assert.equal(await curfew.verdict(bystander), 'VERDICT_VALID');
  assert.equal((await lastLogout('alice')).reason, 'LOGOUT_REASON_PROVIDER_LOGOUT');
});

// Logout tokens and access tokens have whole seconds. Whatever happens within one, no fresh token is refused, and no
// token is honoured after the next logout: not even one that knows of an earlier logout in the same second.
test('out and in as fast as can be, at the provider and by her own token: nothing is mistaken', async () => {
  const browser = new Browser();
  let tokens = await logIn(op, browser, 'carol');
  const olds = [];
  let sameSecond = 0;

  for (let round = 1; round <= 15; round += 1) {
    const before = (await lastLogout('carol')).lastLogoutTime;
    if (round % 3 === 0) await curfew.recordLogout({ token: tokens.accessToken, reason: 'LOGOUT_REASON_USER_LOGOUT' });
    else await logOut(op, browser, tokens.idToken);
    olds.push(tokens.accessToken);
    const { lastLogoutTime: logout } = await lastLogout('carol');
    for (const [age, old] of olds.toReversed().entries()) {
      const answer = await curfew.validate(old);
      assert.equal(answer.verdict, 'VERDICT_SUBJECT_LOGGED_OUT', `round ${round}, ${age} before: ${answer.detail}`);
    }

    tokens = await logIn(op, browser, 'carol');
    const answer = await curfew.validate(tokens.accessToken);
    assert.equal(answer.verdict, 'VERDICT_VALID', `round ${round}: ${answer.detail}`);
    assert.ok(!before || millis(logout) > millis(before), `round ${round}`);
    const { iat } = claimsOf(tokens.accessToken);
    if (iat === logout.seconds && before?.seconds === logout.seconds) sameSecond += 1;
  }
  assert.ok(sameSecond > 0, 'two logouts and a login in one second, the case that this test is about, did not occur');
});
