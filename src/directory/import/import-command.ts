import { importFile } from './import-file.js';

/* `npm run import`: see import-file.ts. */
process.exitCode = await importFile({ args: process.argv.slice(2), environment: process.env, write: (text) => void process.stdout.write(text) });
