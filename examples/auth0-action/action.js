// Auth0, Login flow (post-login): asks Curfew when the user last logged out, and puts that into the access token. Curfew
// then knows of every token whether it was issued before a logout or after, to the millisecond.
//
// Secrets of the Action:
//   CURFEW_URL       where Curfew's front desk is, as "https://curfew.example"
//   CURFEW_SECRET    what it is asked with; sent as a bearer token
//   CURFEW_ISSUER    the name or `iss` of this tenant in Curfew's configuration
//   CURFEW_CLAIM     the claim, as `last_logout_claim` in Curfew's configuration: "https://acme.example/last_logout"
//   CURFEW_REQUIRED  "true": nobody logs in while Curfew cannot be asked
//
// If Curfew cannot be asked, the login goes on without the claim, unless CURFEW_REQUIRED says otherwise. No old token is
// honoured because of that: Curfew then decides by `iat`, strictly. What is lost is precision: a login within the very
// second of a logout is refused, and has to be repeated. The user must not have to wait long to find out, hence the
// deadline; Auth0 itself would end the login after 20 seconds.

const DEADLINE = 2000; // milliseconds

/**
 * @param {Event} event - Details about the user and the context in which they are logging in.
 * @param {PostLoginAPI} api - Interface whose methods can be used to change the behavior of the login.
 */
exports.onExecutePostLogin = async (event, api) => {
  const { CURFEW_CLAIM, CURFEW_REQUIRED } = event.secrets;
  try {
    // As it is: a value that was rounded or parsed would get the token refused, or an old one honoured.
    api.accessToken.setCustomClaim(CURFEW_CLAIM, await lastLogoutClaim(event));
  } catch (error) {
    console.log(`Curfew could not be asked for the last logout: ${error.cause?.message ?? error.message}`);
    if (CURFEW_REQUIRED === 'true') api.access.deny('Logging in is not possible at the moment. Please try again.');
  }
};

// The claim's value: null for somebody who never logged out.
async function lastLogoutClaim({ client, secrets, user }) {
  const url = new URL('/v1/last-logout', secrets.CURFEW_URL);
  url.search = new URLSearchParams({
    issuer: secrets.CURFEW_ISSUER,
    subject: user.user_id,
    // Logouts at this application alone count too.
    client_id: client.client_id,
  });
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${secrets.CURFEW_SECRET}` },
    // The secret is for Curfew alone.
    redirect: 'error',
    signal: AbortSignal.timeout(DEADLINE),
  });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const { claimValue } = await response.json();
  if (claimValue === undefined) throw new Error('its answer has no claimValue');
  return claimValue;
}
