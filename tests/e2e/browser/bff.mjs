// Starts the BFF of the examples as its users do: a process of its own, told everything by its environment.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { until } from '../oidc/curfew.mjs';
import { startProgram } from '../oidc/program.mjs';

const EXAMPLE = join(import.meta.dirname, '../../../examples/bff');

// Resolves when it serves, to its `url` and how to `stop` it.
export async function startBff(env) {
  const program = startProgram(process.execPath, ['server.js'], { cwd: EXAMPLE, env: { PORT: '0', ...env } });
  const { child, stdout, stderr } = program;
  try {
    await until('the BFF serves', () => stdout.length > 0 || child.exitCode !== null);
    const [, url] = stdout[0]?.match(/^bff: serving (http:\/\/localhost:\d+)$/) ?? [];
    if (!url) throw new Error(`the BFF did not start: ${stderr.join('\n')}`);
    return {
      url,

      // It ends in good order, and no token was written to its logs.
      async stop() {
        const ended = await program.stop();
        assert.deepEqual(ended, { code: 0, signal: null }, stderr.join('\n'));
        assert.ok(![...stdout, ...stderr].some((line) => line.includes('eyJ')), 'a token was written to the logs');
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
