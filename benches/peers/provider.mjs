// An OpenID provider on loopback that introspects its own opaque tokens (RFC 7662). Everything is in memory, as it comes.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const [clientId, clientSecret] = ['bench', process.env.CLIENT_SECRET];

let handler;
const server = createServer((request, response) => handler(request, response));
// A connection stays as long as the load generator wants it: no peer is to pay for reconnecting.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const address = `http://127.0.0.1:${server.address().port}`;
handler = new Provider(address, {
  cookies: { keys: [randomUUID()] },
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    devInteractions: { enabled: false },
  },
  ttl: { ClientCredentials: 86_400 },
}).callback();
console.log(`provider: listening on ${address}`);
