// What a person does at a browser: everything by the pages that the provider and the application show.

const WITHIN = 15_000;

export class Person {
  #context;
  #op;
  #bff;

  constructor(name, context, { op, bff }) {
    this.name = name;
    this.#context = context;
    this.#op = op;
    this.#bff = bff;
    context.setDefaultTimeout(WITHIN);
  }

  // Opens the application.
  async open() {
    this.page ??= await this.#context.newPage();
    await this.page.goto(this.#bff.url);
  }

  // Logs in from the application's page. Returns what the provider `asked` on the way (nothing, where single sign-on
  // lets her straight through) and the access token that the application got for it.
  async logIn() {
    await this.open();
    const { page } = this;
    const before = this.#op.issued.length;
    await page.getByRole('link', { name: 'Log in' }).click();

    const asked = [];
    const login = page.getByPlaceholder('Enter any login');
    const consent = page.getByRole('button', { name: 'Continue' });
    const welcome = page.getByText(`Hello, ${this.name}.`);
    for (;;) {
      await login.or(consent).or(welcome).waitFor();
      if (await welcome.isVisible()) break;
      if (await login.isVisible()) {
        asked.push('login');
        await login.fill(this.name);
        await page.getByPlaceholder('and password').fill('any');
        await leaving(page, page.getByRole('button', { name: 'Sign-in' }));
      } else {
        asked.push('consent');
        await leaving(page, consent);
      }
    }
    return { asked, tokens: this.#op.issued.slice(before), token: this.#op.issued.at(-1) };
  }

  // Calls the application's API from its page, as the page's own script would.
  callApi() {
    return this.page.evaluate(async () => {
      const response = await fetch('/api/me');
      return { status: response.status, body: await response.json() };
    });
  }

  // Logs out at the provider's own page, in another tab: the application knows nothing of it.
  async logOutAtProvider() {
    const tab = await this.#context.newPage();
    await tab.goto(`${this.#op.issuer}/session/end`);
    await tab.getByRole('button', { name: 'Yes, sign me out' }).click();
    await tab.getByRole('heading', { name: 'Sign-out Success' }).waitFor();
    await tab.close();
  }

  // Presses the application's own button. Returns the answer's status.
  async logOut() {
    await this.open();
    const answer = this.page.waitForResponse((response) => response.request().method() === 'POST');
    await leaving(this.page, this.page.getByRole('button', { name: 'Log out' }));
    return (await answer).status();
  }

  // Whether the application's page knows her.
  async isKnown() {
    await this.open();
    return this.page.getByText(`Hello, ${this.name}.`).isVisible();
  }

  // Puts a cookie for the application into her browser.
  plant(name, value) {
    return this.#context.addCookies([{ name, value, url: this.#bff.url }]);
  }

  // The application's cookies.
  cookies() {
    return this.#context.cookies(this.#bff.url);
  }

  // What scripts of the page can read of its cookies.
  readableCookies() {
    return this.page.evaluate(() => document.cookie);
  }
}

// Presses a button that leads to another page, and waits until that is there: the old one would still look the same.
async function leaving(page, button) {
  const left = page.waitForEvent('framenavigated');
  await button.click();
  await left;
}
