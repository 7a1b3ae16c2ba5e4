// A backend for a frontend: it logs the user in, keeps the token in its own session, and asks Curfew on every request.

import { promisify } from 'node:util';

import express from 'express';
import session from 'express-session';
import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';

import { CurfewError } from './curfew.js';
import { bearer, guard } from './guard.js';
import { beginLogin, finishLogin } from './login.js';
import { page } from './page.js';

const LOGIN_ERRORS = [AuthorizationResponseError, ClientError, ResponseBodyError];

// Verdicts that a real login cures.
const LOGGED_OUT = ['VERDICT_SUBJECT_LOGGED_OUT', 'VERDICT_SESSION_LOGGED_OUT'];

// `baseUrl` is where browsers find it; `request` is what is asked of the provider: { audience, scope }.
export function createApp({ provider, curfew, baseUrl, request, sessionSecret }) {
  const app = express();
  const secure = baseUrl.startsWith('https:');
  const cookie = secure ? '__Host-session' : 'session';

  app.disable('x-powered-by');
  app.set('trust proxy', secure ? 1 : false);
  app.use(headers, ownFormsOnly);
  app.use(session({
    name: cookie,
    secret: sessionSecret,
    resave: false,
    saveUninitialized: false,
    // Scripts cannot read it, and no other site's form or image sends it. Not "strict": the browser comes back from the
    // provider, which is another site, and has to bring it along.
    cookie: { httpOnly: true, sameSite: 'lax', secure, path: '/' },
  }));

  const login = async (req, res, prompt) => {
    const redirectUri = new URL('/callback', baseUrl).href;
    const { url, pending } = await beginLogin(provider, { ...request, redirectUri, prompt });
    req.session.pending = pending;
    res.redirect(url);
  };

  app.get('/', (req, res) => res.send(page(req.session.user)));

  app.get('/login', (req, res) => login(req, res));

  app.get('/callback', async (req, res) => {
    const { pending } = req.session;
    delete req.session.pending;
    if (!pending) return res.redirect('/');
    const { accessToken, user } = await finishLogin(provider, new URL(req.originalUrl, baseUrl), pending, request);

    // Single sign-on may hand out a token although the user has logged out elsewhere, for this browser's session at the
    // provider goes on. Curfew refuses it until the user has really authenticated again. So ask for that, once.
    const { valid, verdict } = await curfew.validate(accessToken);
    if (!valid && LOGGED_OUT.includes(verdict) && !pending.prompt) return login(req, res, 'login');
    if (!valid) return res.status(403).json({ error: 'login_refused', verdict });

    // A new session id, so that nobody who planted the old one is logged in now.
    await promisify(req.session.regenerate).call(req.session);
    Object.assign(req.session, { accessToken, user });
    return res.redirect('/');
  });

  // The user's own token is all that it takes to log the user out. If that cannot be recorded, the logout has failed, and
  // the page says so: whoever believes to be logged out must be.
  app.post('/logout', async (req, res) => {
    const { accessToken } = req.session;
    if (accessToken) await curfew.recordLogout(accessToken);
    await promisify(req.session.destroy).call(req.session);
    res.clearCookie(cookie, { path: '/', secure });
    return res.redirect(303, '/');
  });

  // A browser comes with its session, everybody else with a bearer token.
  const tokenOf = (req) => bearer(req) ?? req.session.accessToken;
  const forget = (req) => {
    if (bearer(req)) return;
    delete req.session.accessToken;
    delete req.session.user;
  };
  app.use('/api', guard(curfew, tokenOf, forget));

  app.get('/api/me', (req, res) => res.json({ subject: req.token.subject }));

  app.use(failed);
  return app;
}

function headers(req, res, next) {
  res.set({
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
  });
  next();
}

// Another site's page cannot act for the user: browsers say where a request comes from (Fetch Metadata).
function ownFormsOnly(req, res, next) {
  const from = req.get('sec-fetch-site') ?? 'none';
  const harmless = ['GET', 'HEAD', 'OPTIONS'].includes(req.method);
  if (harmless || from === 'same-origin' || from === 'none') return next();
  return res.status(403).json({ error: 'cross_site' });
}

// Only the message is logged: the error itself may hold what the provider answered.
function failed(error, req, res, next) {
  console.error(error.message);
  if (res.headersSent) return next(error);
  if (error instanceof CurfewError) {
    return res.status(503).set('retry-after', '1').json({ error: 'temporarily_unavailable' });
  }
  // The user turned back at the provider, or what came is no answer to what this browser asked.
  if (LOGIN_ERRORS.some((kind) => error instanceof kind)) return res.status(403).json({ error: 'login_failed' });
  return res.status(500).json({ error: 'server_error' });
}
