// As much of a web browser as a login needs: cookies, redirects and forms.

export class Browser {
  #cookies = new Cookies();

  // Opens an address and follows redirects. One that leads away from the site ends the journey (there is nobody there);
  // `html` is then undefined.
  async open(url, form) {
    const { origin } = new URL(url);
    let next = new URL(url);
    for (let hops = 0; next.origin === origin; hops += 1) {
      if (hops > 10) throw new Error(`too many redirects, the last to ${next.pathname}`);
      const response = await fetch(next, {
        method: form ? 'POST' : 'GET',
        body: form && new URLSearchParams(form),
        headers: { cookie: this.#cookies.sentTo(next) },
        redirect: 'manual',
      });
      this.#cookies.keep(response.headers.getSetCookie());
      const body = await response.text();
      const location = response.headers.get('location');
      if (!location) {
        if (!response.ok) throw new Error(`${next.pathname} answered ${response.status}: ${body}`);
        return { url: next, html: body };
      }
      next = new URL(location, next);
      form = undefined;
    }
    return { url: next };
  }

  // Fills in the page's form and sends it.
  submit(page, fields) {
    const { action, hidden } = formOf(page.html);
    return this.open(new URL(action, page.url), { ...hidden, ...fields });
  }
}

export function formOf(html) {
  const action = html.match(/<form[^>]*\baction="([^"]*)"/)?.[1];
  if (action === undefined) throw new Error(`no form in ${html}`);
  const hidden = {};
  for (const [input] of html.matchAll(/<input[^>]*\btype="hidden"[^>]*>/g)) {
    hidden[input.match(/\bname="([^"]*)"/)[1]] = input.match(/\bvalue="([^"]*)"/)[1];
  }
  return { action, hidden };
}

// Cookies of one host, told apart by name and path.
class Cookies {
  #kept = new Map();

  keep(headers) {
    for (const header of headers) {
      const [pair, ...attributes] = header.split(';').map((part) => part.trim());
      const attribute = (name) =>
        attributes.find((text) => text.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
      const name = pair.slice(0, pair.indexOf('='));
      const path = attribute('path') ?? '/';
      const expires = attribute('expires');
      if (expires && Date.parse(expires) <= Date.now()) this.#kept.delete(`${name} ${path}`);
      else this.#kept.set(`${name} ${path}`, { pair, path });
    }
  }

  sentTo(url) {
    return [...this.#kept.values()]
      .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ pair }) => pair)
      .join('; ');
  }
}
