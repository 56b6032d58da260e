import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The licences of all packages that these modules are from. @param {string[]} modules */
export function licensesOf(modules) {
  const packages = new Set(modules.map(packageOf).filter((path) => path !== undefined));
  return [...packages].sort().map(licenseOf).join('\n\n');
}

/** The directory of the package that a file is from. @param {string} file */
function packageOf(file) {
  return /^.*\/node_modules\/(?:@[^/]+\/)?(?!\.)[^/@]+(?=\/)/.exec(file)?.[0];
}

/** @param {string} path */
function licenseOf(path) {
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  const file = readdirSync(path).find((entry) => /^licen[cs]e/i.test(entry));
  const text =
    file && existsSync(join(path, file)) ? `\n\n${readFileSync(join(path, file), 'utf8').trim()}` : '';
  return `${name} ${version} (${license})${text}`;
}
