// The setting of the story: a provider, Curfew, the BFF of the examples, and Chromium. They know each other by address
// only, and each takes a port that is free.

import { chromium } from 'playwright-core';

import { startCurfew } from '../oidc/curfew.mjs';
import { AUDIENCE, CLIENT_ID, OTHER_AUDIENCE, startProvider } from '../oidc/provider.mjs';
import { issuerEntry } from '../oidc/setting.mjs';
import { startBff } from './bff.mjs';
import { layLine } from './line.mjs';
import { Person } from './person.mjs';

const CLIENT_SECRET = 'the provider and the BFF know it';

// The pages are all on this machine; the provider's ask for a font from elsewhere, which nobody waits for.
const ONLY_HERE = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost';

// `session`: logout tokens name the session that ended, access tokens carry it, and Curfew knows that they do.
export async function startSetting({ session = false } = {}) {
  const started = [];
  const stop = async () => {
    const ends = [];
    // The last first, and each whether or not the one before it ended well.
    for (const one of started.splice(0).reverse()) ends.push(...await Promise.allSettled([one()]));
    const bad = ends.find(({ status }) => status === 'rejected');
    if (bad) throw bad.reason;
  };
  try {
    const op = await startProvider();
    started.push(() => op.stop());

    const curfew = await startCurfew({
      desk: true,
      issuers: [issuerEntry(op, 'RS256', {
        ...(session && { session_claim: 'sid' }),
        // Another API has users there as well.
        audiences: [AUDIENCE, OTHER_AUDIENCE],
        backchannel_logout: { client_ids: [CLIENT_ID], strict_type: true },
      })],
    });
    started.push(() => curfew.stop());
    // What a login action does: the last logout that Curfew knows of goes into the token.
    op.lastLogout = curfew.lastLogout;

    const line = await layLine(curfew.address);
    started.push(() => line.stop());

    const bff = await startBff({ ISSUER: op.issuer, CLIENT_ID, CLIENT_SECRET, AUDIENCE, SCOPE: 'openid api', CURFEW: line.address });
    started.push(() => bff.stop());

    op.useClient({
      client_secret: CLIENT_SECRET,
      token_endpoint_auth_method: 'client_secret_post',
      redirect_uris: [`${bff.url}/callback`],
      backchannel_logout_uri: `${curfew.desk}/backchannel-logout`,
      backchannel_logout_session_required: session,
    });

    let browser;
    const launch = async () => {
      browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN, args: [ONLY_HERE] });
      started.push(() => browser.close());
    };
    // A person at a browser of her own: nobody else's cookies are in it.
    const person = async (name) => {
      if (!browser) await launch();
      return new Person(name, await browser.newContext(), { op, bff });
    };
    return { op, curfew, line, bff, person, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
