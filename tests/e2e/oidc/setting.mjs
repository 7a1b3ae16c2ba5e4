// The setting that the tests start from: a provider, and a Curfew that knows it and that it asks for the claim.

import { startCurfew } from './curfew.mjs';
import { AUDIENCE, LAST_LOGOUT_CLAIM, startProvider } from './provider.mjs';

export async function startSetting({ alg = 'RS256', keys } = {}) {
  const op = await startProvider({ alg, keys });
  try {
    const curfew = await startCurfew({ issuers: [issuerEntry(op, alg)] });
    op.lastLogout = curfew.lastLogout;
    return {
      op,
      curfew,
      async stop() {
        await op.stop();
        await curfew.stop();
      },
    };
  } catch (error) {
    await op.stop();
    throw error;
  }
}

// The `[[issuer]]` entry for this provider.
export function issuerEntry(op, alg = 'RS256', overrides = {}) {
  return {
    name: 'op',
    issuer: op.issuer,
    audiences: [AUDIENCE],
    algorithms: [alg],
    keys: { discovery: true },
    last_logout_claim: LAST_LOGOUT_CLAIM,
    last_logout_format: 'rfc3339',
    max_token_lifetime: '24h',
    ...overrides,
  };
}
