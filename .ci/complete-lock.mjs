/**
 * Completes package-lock.json after `npm install` with the optional packages of other platforms that the registry at hand does not carry: npm leaves them out then, and
 * `npm ci` calls the file out of step. Their version is exact in the package that wants them; the platform is in their name. Run: node .ci/complete-lock.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';

const SYSTEMS = ['darwin', 'linux', 'win32', 'freebsd', 'android', 'openharmony', 'netbsd', 'openbsd', 'sunos', 'aix'];
const CPUS = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'loong64', 'wasm32', 'armv7', 'i686'];
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
let added = 0;
for (const [place, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    // Nested first, then outward, as Node resolves.
    const parents = place.split('/node_modules/').map((_, depth, parts) => parts.slice(0, parts.length - depth).join('/node_modules/'));
    if ([...parents, ''].some((parent) => lock.packages[`${parent}${parent ? '/' : ''}node_modules/${name}`])) continue;
    const words = name.split(/[/-]/);
    const os = SYSTEMS.find((system) => words.includes(system));
    const cpu = CPUS.find((one) => words.includes(one));
    if (!os && !cpu) throw new Error(`${name}, wanted by ${place || 'the project'}, is missing and its name tells no platform`);
    const version = String(range).replace(/^[\^~]/, '');
    lock.packages[`node_modules/${name}`] = { version, ...(cpu ? { cpu: [cpu] } : {}), ...(entry.dev ? { dev: true } : {}), license: entry.license, optional: true, ...(os ? { os: [os] } : {}) };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} packages of other platforms added`);
