// Starts the BFF of the examples as its users do: a process of its own, told everything by its environment.

import { join } from 'node:path';

import { until } from '../oidc/curfew.mjs';
import { startProgram } from '../oidc/program.mjs';

const EXAMPLE = join(import.meta.dirname, '../../../examples/bff');

// Resolves to the running program, with its `url`.
export async function startBff(env) {
  const program = startProgram(process.execPath, ['server.js'], { cwd: EXAMPLE, env: { PORT: '0', ...env } });
  const { child, stdout, stderr } = program;
  try {
    await until('the BFF serves', () => stdout.length > 0 || child.exitCode !== null);
    const [, url] = stdout[0]?.match(/^bff: serving (http:\/\/localhost:\d+)$/) ?? [];
    if (!url) throw new Error(`the BFF did not start: ${stderr.join('\n')}`);
    return { ...program, url };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
