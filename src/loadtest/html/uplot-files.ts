import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** The plotting library, as it goes into a page. */
export interface UplotFiles {
  readonly script: string;
  readonly style: string;
}

let read: UplotFiles | undefined;

/** uPlot from where it is installed, be this run from src/ or from dist/. @throws where it is not installed */
export function uplotFiles(): UplotFiles {
  const resolve = createRequire(import.meta.url).resolve;
  read ??= {
    script: readFileSync(resolve('uplot/dist/uPlot.iife.min.js'), 'utf8').trim(),
    style: readFileSync(resolve('uplot/dist/uPlot.min.css'), 'utf8').trim(),
  };
  return read;
}
