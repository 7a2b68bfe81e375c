import { fileURLToPath } from 'node:url';

/**
 * The file that a thread is started from. A thread runs compiled code only; tests run from the sources and find it in dist.
 * @param from `import.meta.url` of the file that the name is relative to
 */
export function compiledEntry(name: string, from: string): string {
  const path = fileURLToPath(new URL(name, from));
  return from.endsWith('.ts') ? path.replace(/([\\/])src\1(?!.*[\\/]src[\\/])/, '$1dist$1') : path;
}
