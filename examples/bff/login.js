// The login at the identity provider: OpenID Connect, authorization code flow with PKCE. No token reaches the browser.

import * as oidc from 'openid-client';

// How long the provider may take to answer, in seconds.
const TIMEOUT = 10;

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

// Reads what the provider says of itself. By plain HTTP only on this machine, for tests.
export function discoverProvider(issuer, clientId, clientSecret) {
  const url = new URL(issuer);
  const insecure = url.protocol === 'http:' && LOOPBACK.includes(url.hostname);
  return oidc.discovery(url, clientId, clientSecret, undefined, {
    timeout: TIMEOUT,
    execute: insecure ? [oidc.allowInsecureRequests] : [],
  });
}

// Where to send the browser, and what must be remembered until it comes back.
export async function beginLogin(provider, { redirectUri, audience, scope, prompt }) {
  const pending = {
    verifier: oidc.randomPKCECodeVerifier(),
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    prompt,
  };
  const url = oidc.buildAuthorizationUrl(provider, {
    redirect_uri: redirectUri,
    scope,
    // The API that the token is for: the standard's name (RFC 8707) and Auth0's.
    resource: audience,
    audience,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    ...(prompt && { prompt }),
  });
  return { url: url.href, pending };
}

// Trades the code that the browser came back with for tokens. Rejects unless everything is as it was left.
export async function finishLogin(provider, callbackUrl, pending, { audience }) {
  const checks = {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    idTokenExpected: true,
  };
  const tokens = await oidc.authorizationCodeGrant(provider, callbackUrl, checks, { resource: audience });
  return { accessToken: tokens.access_token, user: tokens.claims().sub };
}
