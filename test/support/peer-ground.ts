import { accessSync, constants } from 'node:fs';

/** The first of the paths that can be executed. */
export function executable(paths: readonly string[]): string | null {
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  }) ?? null;
}
