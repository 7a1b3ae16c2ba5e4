// A real OpenID provider (the certified `oidc-provider`) on loopback, set up as Curfew asks of a login server: its JWT
// access tokens carry `auth_time`, a session id, and the last-logout claim that Curfew answers at the moment of issue.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

export const AUDIENCE = 'https://api.example.test';
export const OTHER_AUDIENCE = 'https://other.example.test';
export const LAST_LOGOUT_CLAIM = 'https://curfew.example/last_logout';
export const CLIENT_ID = 'app';
export const REDIRECT_URI = 'https://app.example.test/callback';
export const POST_LOGOUT_URI = 'https://app.example.test/goodbye';

export function newKey(alg) {
  const { privateKey } = alg.startsWith('RS')
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID() };
}

export async function startProvider({ alg = 'RS256', keys = [newKey(alg)] } = {}) {
  const op = {
    issuer: undefined,
    keys,
    // How often the key set was read, and when last.
    keyReads: 0,
    keysReadAt: 0,
    // How many connections were dropped since `cut`.
    dropped: 0,
    // The access tokens that were issued, as they are, and the logout tokens that were sent, with what came of each.
    issued: [],
    logoutsTold: [],
    // What the claim is to be: set to a `GetLastLogout` call once Curfew runs (it wants the issuer's address first).
    lastLogout: async () => null,

    // Takes the place of a restart with another key set: the first key signs. The listener stays, so that no other
    // process can take the port in between.
    useKeys(newKeys) {
      op.keys = newKeys;
      restart();
    },

    // The same with another registration of its client.
    useClient(metadata) {
      client = metadata;
      restart();
    },

    // From here on the provider cannot be reached, although its port is taken: every connection is dropped.
    cut() {
      server.on('connection', (socket) => {
        op.dropped += 1;
        socket.destroy();
      });
      server.closeAllConnections();
    },

    async stop() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };

  let handler;
  let client = { redirect_uris: [REDIRECT_URI], post_logout_redirect_uris: [POST_LOGOUT_URI] };
  const restart = () => {
    handler = newProvider(op, alg, client).callback();
  };
  const server = createServer((request, response) => {
    if (request.url === '/jwks') {
      op.keyReads += 1;
      op.keysReadAt = Date.now();
    }
    handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  op.issuer = `http://127.0.0.1:${server.address().port}`;
  op.useKeys(keys);
  return op;
}

function newProvider(op, alg, client) {
  const provider = new Provider(op.issuer, {
    jwks: { keys: op.keys },
    cookies: { keys: [randomUUID()] },
    // By default it sends nothing to addresses of its own machine, and those are all that there are here.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    // Any user name will do, with any password.
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    clients: [{
      client_id: CLIENT_ID,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: alg,
      ...client,
    }],
    features: {
      // The provider's own login and consent pages.
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      // For clients that have a backchannel_logout_uri.
      backchannelLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, audience) => ({
          audience,
          scope: 'api',
          accessTokenTTL: 3600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg } },
        }),
      },
    },
    ttl: { AccessToken: 3600, IdToken: 3600, RefreshToken: 86400, Session: 86400, Grant: 86400, Interaction: 600 },
    async extraTokenClaims(ctx, token) {
      const { AuthorizationCode: code, RefreshToken: refreshToken } = ctx.oidc.entities;
      const { authTime, sid } = code ?? refreshToken;
      return {
        auth_time: authTime,
        // That of the client's logout tokens, where they name one.
        sid: sid ?? token.sessionUid,
        [LAST_LOGOUT_CLAIM]: await op.lastLogout(op.issuer, token.accountId, token.clientId),
      };
    },
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'token' && ctx.body?.access_token) op.issued.push(ctx.body.access_token);
  });
  provider.on('backchannel.success', (ctx, { clientId }, subject) => op.logoutsTold.push({ clientId, subject }));
  provider.on('backchannel.error', (ctx, error, { clientId }, subject) =>
    op.logoutsTold.push({ clientId, subject, error: error.message }));
  return provider;
}
