import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Worker threads and child processes of the tests run the compiled service: build it once before them. */
export default function build() {
  if (process.env.TIDEGATE_TEST_PREBUILT) return;
  execFileSync(process.execPath, [fileURLToPath(new URL('../../node_modules/@nestjs/cli/bin/nest.js', import.meta.url)), 'build'], { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: ['ignore', 'ignore', 'inherit'] });
}
