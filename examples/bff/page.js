// The frontend, such as it is.

// `user`: who is logged in; undefined: nobody.
export function page(user) {
  const body = user === undefined
    ? '<p>Nobody is logged in.</p><p><a href="/login">Log in</a></p>'
    : `<p>Hello, ${escape(user)}.</p>
       <p><a href="/api/me">Call the API</a></p>
       <form method="post" action="/logout"><button>Log out</button></form>`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>A BFF with Curfew</title><body>${body}</body></html>`;
}

function escape(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
