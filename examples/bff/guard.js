// Lets a request pass only with a token that Curfew honours at this moment. This is all that an API needs: Curfew checks
// the token's signature, issuer, audience and times, too.

// `tokenOf` says which token a request comes with; `onRefused`, if given, is told of requests whose token was refused.
export function guard(curfew, tokenOf, onRefused) {
  return async (req, res, next) => {
    const token = tokenOf(req);
    if (!token) {
      return res.status(401).set('www-authenticate', 'Bearer').json({ error: 'login_required' });
    }
    let answer;
    try {
      answer = await curfew.validate(token);
    } catch (error) {
      // Nobody could say whether the user has logged out. So nobody passes: fail closed.
      console.error(error.message);
      return res.status(503).set('retry-after', '1').json({ error: 'temporarily_unavailable' });
    }
    // Only `valid` counts. The verdict and its sentence are for people.
    if (answer.valid !== true) {
      onRefused?.(req);
      return res.status(401)
        .set('www-authenticate', 'Bearer error="invalid_token"')
        .json({ error: 'invalid_token', verdict: answer.verdict });
    }
    req.token = answer.token;
    return next();
  };
}

// The bearer token of a request (RFC 6750, section 2.1).
export function bearer(req) {
  return /^Bearer ([\w.~+/-]+=*)$/i.exec(req.get('authorization') ?? '')?.[1];
}
