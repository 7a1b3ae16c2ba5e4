// An application that logs its users in at the provider: authorization-code flow with PKCE, refresh, and logout.

import { createHash, randomBytes } from 'node:crypto';

import { formOf } from './browser.mjs';
import { AUDIENCE, CLIENT_ID, POST_LOGOUT_URI, REDIRECT_URI } from './provider.mjs';

// Logs the user in, in this browser. Also returns what the provider `asked` on the way ("login", "consent"): nothing,
// where single sign-on lets a known user straight through.
export async function logIn(op, browser, user, { resource = AUDIENCE, offline = false } = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const { page, asked } = await authorize(op, browser, user, {
    client_id: CLIENT_ID,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: offline ? 'openid api offline_access' : 'openid api',
    // A refresh token that outlives the session takes the user's consent (OpenID Connect Core, section 11).
    ...(offline && { prompt: 'consent' }),
    resource,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });

  const answer = page.url.searchParams;
  if (!page.url.href.startsWith(REDIRECT_URI) || answer.get('state') !== state || !answer.has('code')) {
    throw new Error(`the login ended at ${page.url}`);
  }
  const tokens = await requestTokens(op, {
    grant_type: 'authorization_code',
    code: answer.get('code'),
    code_verifier: verifier,
    redirect_uri: REDIRECT_URI,
    resource,
  });
  return { ...tokens, asked };
}

// Trades a refresh token for new tokens.
export function refresh(op, refreshToken) {
  return requestTokens(op, { grant_type: 'refresh_token', refresh_token: refreshToken, resource: AUDIENCE });
}

// Ends the user's session at the provider (OpenID Connect RP-Initiated Logout), as the user's "Yes, sign me out" does.
export async function logOut(op, browser, idToken) {
  const query = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: POST_LOGOUT_URI });
  const question = await browser.open(`${op.issuer}/session/end?${query}`);
  const page = await browser.submit(question, { logout: 'yes' });
  if (!page.url.href.startsWith(POST_LOGOUT_URI)) throw new Error(`the logout ended at ${page.url}`);
}

// The claims of a token, unverified: what the test wants to know of it.
export function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}

export function headerOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[0], 'base64url'));
}

async function authorize(op, browser, user, params) {
  const asked = [];
  let page = await browser.open(`${op.issuer}/auth?${new URLSearchParams(params)}`);
  while (page.html && asked.length < 4) {
    asked.push(formOf(page.html).hidden.prompt);
    page = await browser.submit(page, asked.at(-1) === 'login' ? { login: user, password: 'any' } : {});
  }
  return { page, asked };
}

async function requestTokens(op, form) {
  const response = await fetch(`${op.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: CLIENT_ID, ...form }),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`the token endpoint answered ${response.status}: ${JSON.stringify(body)}`);
  return { accessToken: body.access_token, idToken: body.id_token, refreshToken: body.refresh_token };
}
